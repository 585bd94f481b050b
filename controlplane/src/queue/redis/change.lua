-- Has dead jobs handed out again (retry), or drops them: one, those of a tenant, or all. How many.
local verb, kind, value = ARGV[3], ARGV[4], ARGV[5]

local function change(request)
  local tenant, dead = unpack(redis.call('HMGET', job(request), 'tenant', 'dead'))
  if not dead or (kind == 'of' and tenant ~= value) then
    return 0
  end
  redis.call('XDEL', DEAD, dead)
  if verb == 'drop' then
    redis.call('DEL', job(request))
  else
    redis.call('HDEL', job(request), 'dead', 'dead_ms', 'deliveries', 'error', 'worker')
    enqueue(tenant, request)
  end
  return 1
end

if kind == 'one' then
  return change(value)
end
local changed = 0
for _, entry in ipairs(redis.call('XRANGE', DEAD, '-', '+')) do
  changed = changed + change(entry[2][2])
end
return changed
