-- The requests of a load by wrk: `wrk … URL -- METHOD PREFIX NAMES SIZE`.
-- GETs go through NAMES names in turn; PUTs send SIZE bytes and never repeat a name.

local number = 0
local prepared = {}

function init(arguments)
  local method, prefix = arguments[1], arguments[2]
  local names, size = tonumber(arguments[3]), tonumber(arguments[4])
  if method == "GET" then
    for name = 0, names - 1 do
      prepared[name] = wrk.format(method, prefix .. name)
    end
    request = function()
      number = number + 1
      return prepared[number % names]
    end
  else
    local body = string.rep("x", size)
    request = function()
      number = number + 1
      return wrk.format(method, prefix .. number, nil, body)
    end
  end
end
