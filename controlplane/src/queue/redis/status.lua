-- Of each tenant: what waits, what is with a judge, what is dead, and when the oldest was queued.
local dead, told = {}, {}
for _, entry in ipairs(redis.call('XRANGE', DEAD, '-', '+')) do
  local tenant = redis.call('HGET', job(entry[2][2]), 'tenant')
  if tenant then
    dead[tenant] = (dead[tenant] or 0) + 1
  end
end
for _, tenant in ipairs(tenants()) do
  local key = stream(tenant)
  if redis.call('EXISTS', key) == 1 then
    local held = redis.call('XPENDING', key, GROUP)[1]
    local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
    local queued_ms = oldest and redis.call('HGET', job(oldest[2][2]), 'queued_ms') or '0'
    table.insert(told, { tenant, redis.call('XLEN', key) - held, held, dead[tenant] or 0, queued_ms })
    dead[tenant] = nil
  end
end
for tenant, count in pairs(dead) do
  table.insert(told, { tenant, 0, 0, count, '0' })
end
return told
