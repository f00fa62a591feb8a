-- What wrk sends: one token after the other, from a file. Arguments: the file, then options as name=value.
--
--   tokens=rotate  the first are read at the start and taken in turn, forever
--   tokens=once    each is sent once; the thread ends with the file
--   first=N        how many are taken of the file, which may hold more; all without it
--   rate=N         requests per second over all connections, about evenly; needs connections=N
--   cookie=NAME    the lines of the file are cookies of that name, not tokens
--   body=N         POST with so many bytes
--   ordinary=yes   with the fields and the query that clients of an API send: 15 fields, a target of 200 bytes

local rotate, stream, at, count = {}, nil, 0, 0
local field, before = "Authorization", "Bearer "

-- What a portal's page and its client library send besides the token.
local FIELDS = {
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  ["Accept"] = "application/json, text/plain, */*",
  ["Accept-Language"] = "en-US,en;q=0.8,de;q=0.6",
  ["Accept-Encoding"] = "gzip, deflate, br, zstd",
  ["Cache-Control"] = "no-cache",
  ["Pragma"] = "no-cache",
  ["Referer"] = "https://portal.peers.test/customers",
  ["Sec-Fetch-Dest"] = "empty",
  ["Sec-Fetch-Mode"] = "cors",
  ["Sec-Fetch-Site"] = "same-origin",
  ["Traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  ["MS-CorrelationId"] = "5f2c1c1e-7f0e-4f0e-9d55-0d3c1b7f1a11",
  ["MS-Contract-Version"] = "v1",
  ["X-Locale"] = "en-US",
  ["DNT"] = "1",
}
local QUERY = "?size=50&seekOperation=Next&filter=%7B%22Field%22%3A%22CompanyName%22%2C%22Value%22%3A%22cont"
  .. "oso%22%2C%22Operator%22%3A%22starts_with%22%7D&orderBy=companyProfile.companyName&api-version=1.0"
local target, fields = nil, {}

local function with(token)
  local all = { [field] = before .. token }
  for name, value in pairs(fields) do all[name] = value end
  return wrk.format(nil, target, all)
end

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
  if options.ordinary then fields, target = FIELDS, wrk.path .. QUERY end
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
