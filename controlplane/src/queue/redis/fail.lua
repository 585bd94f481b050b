-- Takes down why jobs were not scored. One that was handed out often enough is dead.
local most, most_dead = tonumber(ARGV[3]), tonumber(ARGV[4])
local died, dropped = 0, 0
for i = 5, #ARGV, 2 do
  local request, reason = ARGV[i], ARGV[i + 1]
  local tenant, entry = unpack(redis.call('HMGET', job(request), 'tenant', 'entry'))
  if entry then
    local held = redis.call('XPENDING', stream(tenant), GROUP, entry, entry, 1)[1]
    if held and held[4] >= most then
      dropped = dropped + bury(tenant, request, entry, held[4], reason, most_dead)
      died = died + 1
    else
      redis.call('HSET', job(request), 'error', reason)
      redis.call('HDEL', job(request), 'worker')
    end
  end
end
return { died, dropped }
