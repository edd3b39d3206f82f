/* The start of the library. */
#include "crc.h"
#include "gf256.h"

void kernels_init(void)
{
    gf256_init();
    crc_init();
}
