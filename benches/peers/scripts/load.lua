-- What wrk sends: one token after the other, from a file. Arguments: the file, then options as name=value.
--
--   tokens=rotate  the first are read at the start and taken in turn, forever
--   tokens=once    each is sent once; the thread ends with the file
--   first=N        how many are taken of the file, which may hold more; all without it
--   rate=N         requests per second over all connections, about evenly; needs connections=N
--   cookie=NAME    the lines of the file are cookies of that name, not tokens
--   body=N         POST with so many bytes

local rotate, stream, at, count = {}, nil, 0, 0
local field, before = "Authorization", "Bearer "

local function with(token) return wrk.format(nil, nil, { [field] = before .. token }) end

function init(arguments)
  local options = { tokens = "rotate" }
  for i = 2, #arguments do
    local name, value = arguments[i]:match("^(%w+)=(.*)$")
    options[name] = value
  end
  if options.cookie then field, before = "Cookie", options.cookie .. "=" end
  if options.body then
    wrk.method = "POST"
    wrk.body = string.rep("x", tonumber(options.body))
  end
  if options.rate then
    local between = 1000 * tonumber(options.connections) / tonumber(options.rate)
    -- Spread over half to one and a half times the mean, so that the connections don't fall into step. Defined only
    -- here: wrk sets a timer for every request once there is such a function.
    function delay() return math.floor(between * (0.5 + math.random()) + 0.5) end
  end
  if options.tokens == "once" then
    stream = assert(io.open(arguments[1], "r"))
  else
    for token in io.lines(arguments[1]) do
      if count == tonumber(options.first) then break end
      count = count + 1
      rotate[count] = with(token)
    end
  end
end

function request()
  if stream then
    local token = stream:read("*l")
    if token then return with(token) end
    wrk.thread:stop()
    return with("none-is-left")
  end
  at = at % count + 1
  return rotate[at]
end

function done(summary, latency)
  io.write(string.format(
    '\nRESULT {"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d,"p999":%d}\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
