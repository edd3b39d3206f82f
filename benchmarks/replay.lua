-- A load of requests that were written beforehand: `wrk … URL -- FILE SIZE`.
-- FILE holds heads, each with its length in 4 bytes before it; they are sent in turn, each with
-- SIZE bytes of body behind it.

local heads = {}
local number = 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local body = string.rep("x", tonumber(arguments[2]))
  while true do
    local length = file:read(4)
    if not length then break end
    local a, b, c, d = length:byte(1, 4)
    heads[#heads + 1] = file:read(((a * 256 + b) * 256 + c) * 256 + d)
  end
  file:close()
  request = function()
    number = number % #heads + 1
    return heads[number] .. body
  end
end
