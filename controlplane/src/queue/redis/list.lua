-- Everything that is there: request, tenant, session, and when it was asked.
local told = {}
local function tell(key)
  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
    local request = entry[2][2]
    local tenant, session, asked_ms = unpack(redis.call('HMGET', job(request), 'tenant', 'session', 'asked_ms'))
    if tenant then
      table.insert(told, { request, tenant, session, asked_ms })
    end
  end
end
for _, tenant in ipairs(tenants()) do
  tell(stream(tenant))
end
tell(DEAD)
return told
