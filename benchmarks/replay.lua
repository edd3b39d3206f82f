-- A load of requests that were written beforehand: `wrk … URL -- FILE SIZE`.
-- FILE holds heads, each with its length in 4 bytes before it; they are sent in turn, each with
-- SIZE bytes of body behind it. They are put together before the load begins.

local requests = {}
local number = 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local body = string.rep("x", tonumber(arguments[2]))
  while true do
    local length = file:read(4)
    if not length then break end
    local a, b, c, d = length:byte(1, 4)
    requests[#requests + 1] = file:read(((a * 256 + b) * 256 + c) * 256 + d) .. body
  end
  file:close()
  local count = #requests
  request = function()
    number = number % count + 1
    return requests[number]
  end
end
