-- Takes jobs in as long as there is room, and passes over those that are there already; how many of the first.
local room, ttl, done = tonumber(ARGV[3]), ARGV[4], 0
for _, tenant in ipairs(tenants()) do
  room = room - redis.call('XLEN', stream(tenant))
end
for i = 5, #ARGV, 6 do
  local tenant, request = ARGV[i], ARGV[i + 1]
  if redis.call('EXISTS', job(request)) == 0 then
    if room <= 0 then
      break
    end
    room = room - 1
    redis.call('HSET', job(request), 'tenant', tenant, 'queued_ms', ARGV[i + 2], 'session', ARGV[i + 3],
      'asked_ms', ARGV[i + 4], 'record', ARGV[i + 5])
    redis.call('PEXPIRE', job(request), ttl)
    enqueue(tenant, request)
  end
  done = done + 1
end
return done
