-- Asks mfa-gateway about a request: docs/integrations/haproxy.md. For HAProxy 2.6 and newer.
-- It permits by a variable alone. HAProxy goes on after a script that failed, and then haproxy.cfg refuses.

-- What only a permit says to the API. Add the fields of `claims_to_headers`, in small letters.
local FOR_API = { "mfa-assertion", "authorization", "cookie", "ms-requestid", "ms-correlationid" }
-- What it says to the client, by the variables of haproxy.cfg.
local FOR_CLIENT = {
    ["ms-requestid"] = "txn.mfa_request_id", ["ms-correlationid"] = "txn.mfa_correlation_id",
    ["ismfacompliant"] = "txn.mfa_compliant", ["mfa-report"] = "txn.mfa_report",
    ["dpop-nonce"] = "txn.mfa_dpop_nonce",
}
-- The fields of a connection and of a message's framing.
local FRAMING = {}
for name in ("connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect content-length host"):gmatch("%S+") do
    FRAMING[name] = true
end

local function question(txn)
    local fields = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not FRAMING[name] then
            fields[name] = {}
            -- Numbered from 0.
            for i = 0, #values do table.insert(fields[name], values[i]) end
        end
    end
    fields["x-forwarded-method"] = { txn.sf:method() }
    fields["x-forwarded-uri"] = { txn.sf:pathq() }
    fields["x-forwarded-host"] = { txn.sf:req_fhdr("host") }
    fields["x-forwarded-proto"] = { txn.sf:ssl_fc() == "1" and "https" or "http" }
    fields["x-forwarded-for"] = { txn.sf:src() }
    return fields
end

local function permit(txn, fields)
    local function tell(name)
        local value = fields[name] and fields[name][0]
        if value == "" then txn.http:req_del_header(name) elseif value then txn.http:req_set_header(name, value) end
    end
    for name in pairs(fields) do
        if name:find("^x%-auth%-request%-") then tell(name) end
    end
    for _, name in ipairs(FOR_API) do tell(name) end
    -- A DPoP proof counts once, and was for the gateway, where that has read the token.
    local class = fields["x-auth-request-class"]
    if class and class[0] ~= "" then txn.http:req_del_header("dpop") end
    for name, variable in pairs(FOR_CLIENT) do
        if fields[name] then txn:set_var(variable, fields[name][0]) end
    end
    txn:set_var("txn.mfa_permit", true)
end

local function refuse(txn, answer)
    local reply = txn:reply({ status = answer.status, reason = answer.reason, body = answer.body })
    for name, values in pairs(answer.headers) do
        for i = 0, #values do
            if not FRAMING[name] then reply:add_header(name, values[i]) end
        end
    end
    txn:done(reply)
end

core.register_action("mfa_gateway", { "http-req" }, function(txn)
    local answer = core.httpclient():get({ url = "http://mfa-gateway/authorize", dst = "abns@mfa_gateway", headers = question(txn) })
    if answer.status == 200 then
        permit(txn, answer.headers)
    elseif answer.status and answer.status >= 300 then
        refuse(txn, answer)
    end
end)
