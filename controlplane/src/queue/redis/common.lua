-- Names and moves that all scripts share. ARGV[1] is how every name begins, ARGV[2] what time it is.
--
-- Each tenant's jobs are entries of a stream (waiting:TENANT), read by one consumer group. An entry names its request; the
-- hash job:REQUEST has what there is to know of it, with the record that judges get. The dead are entries of one stream.
local p, now = ARGV[1], ARGV[2]
local GROUP = 'judges'
local DEAD, TENANTS = p .. 'dead', p .. 'tenants'

local function stream(tenant)
  return p .. 'waiting:' .. tenant
end

local function job(request)
  return p .. 'job:' .. request
end

local function tenants()
  local all = redis.call('SMEMBERS', TENANTS)
  table.sort(all)
  return all
end

-- Puts a job at the end of its tenant's stream.
local function enqueue(tenant, request)
  local key = stream(tenant)
  if redis.call('EXISTS', key) == 0 then
    redis.call('XGROUP', 'CREATE', key, GROUP, '0', 'MKSTREAM')
    redis.call('SADD', TENANTS, tenant)
  end
  redis.call('HSET', job(request), 'entry', redis.call('XADD', key, '*', 'r', request))
end

-- Takes an entry off a tenant's stream, and an empty stream away.
local function dequeue(tenant, entry)
  local key = stream(tenant)
  redis.call('XACK', key, GROUP, entry)
  redis.call('XDEL', key, entry)
  if redis.call('XLEN', key) == 0 then
    redis.call('DEL', key)
    redis.call('SREM', TENANTS, tenant)
  end
end

-- Takes a job away, wherever it is.
local function remove(request)
  local tenant, entry, dead = unpack(redis.call('HMGET', job(request), 'tenant', 'entry', 'dead'))
  if not tenant then
    return 0
  end
  if entry then
    dequeue(tenant, entry)
  end
  if dead then
    redis.call('XDEL', DEAD, dead)
  end
  redis.call('DEL', job(request))
  return 1
end

-- Gives a job up; how many of those that were dead before had to go for it.
local function bury(tenant, request, entry, deliveries, reason, most)
  dequeue(tenant, entry)
  if redis.call('EXISTS', job(request)) == 0 then
    return 0
  end
  local dead = redis.call('XADD', DEAD, '*', 'r', request)
  redis.call('HDEL', job(request), 'entry', 'worker')
  redis.call('HSET', job(request), 'dead', dead, 'dead_ms', now, 'deliveries', deliveries, 'error', reason)
  local dropped = 0
  while redis.call('XLEN', DEAD) > most do
    local oldest = redis.call('XRANGE', DEAD, '-', '+', 'COUNT', 1)[1]
    redis.call('XDEL', DEAD, oldest[1])
    redis.call('DEL', job(oldest[2][2]))
    dropped = dropped + 1
  end
  return dropped
end

-- What is known of one of the dead.
local function describe(request)
  local found = redis.call('HMGET', job(request), 'tenant', 'queued_ms', 'dead_ms', 'deliveries', 'error', 'dead')
  if not found[6] then
    return nil
  end
  local bytes = redis.call('HSTRLEN', job(request), 'record')
  return { request, found[1], found[2], found[3], found[4], found[5], bytes }
end
