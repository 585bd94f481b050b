-- Hands out jobs: one of each tenant in turn, first what a judge left unreported, then what nobody had yet. What was left
-- is found by XPENDING and claimed by XCLAIM, which is what XAUTOCLAIM does, but for the number of deliveries.
local worker, jobs, bytes, lease_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local most, after, most_dead = tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])
local died, dropped = 0, 0

-- The record of an entry that is the judge's now; one without a record goes.
local function take(tenant, entry)
  local request = entry[2][2]
  local record = redis.call('HGET', job(request), 'record')
  if not record then
    dequeue(tenant, entry[1])
    return nil
  end
  redis.call('HSET', job(request), 'worker', worker)
  return record
end

local function give_up(tenant, entry, deliveries)
  local request = entry[2][2]
  local judge, reason = unpack(redis.call('HMGET', job(request), 'worker', 'error'))
  if judge or not reason then
    reason = 'the judge ' .. (judge or '') .. ' that had it last did not report in time'
  end
  dropped = dropped + bury(tenant, request, entry[1], deliveries, reason, most_dead)
  died = died + 1
end

local function next_left(queue)
  local key = stream(queue.tenant)
  if not queue.left then
    queue.left, queue.at = redis.call('XPENDING', key, GROUP, 'IDLE', lease_ms, '-', '+', jobs), 0
  end
  while queue.at < #queue.left do
    queue.at = queue.at + 1
    local id, _, _, deliveries = unpack(queue.left[queue.at])
    local entry = redis.call('XRANGE', key, id, id)[1]
    if not entry then
      redis.call('XACK', key, GROUP, id)
    elseif deliveries >= most then
      give_up(queue.tenant, entry, deliveries)
    else
      redis.call('XCLAIM', key, GROUP, worker, lease_ms, id)
      local record = take(queue.tenant, entry)
      if record then
        return record
      end
    end
  end
end

local function next_of(queue)
  local key = stream(queue.tenant)
  if redis.call('EXISTS', key) == 0 then
    redis.call('SREM', TENANTS, queue.tenant)
    return nil
  end
  local left = next_left(queue)
  if left then
    return left
  end
  while redis.call('EXISTS', key) == 1 do
    local read = redis.call('XREADGROUP', 'GROUP', GROUP, worker, 'COUNT', 1, 'STREAMS', key, '>')
    if not read then
      return nil
    end
    local record = take(queue.tenant, read[1][2][1])
    if record then
      return record
    end
  end
end

local early, late = {}, {}
for _, tenant in ipairs(tenants()) do
  table.insert(tenant > after and early or late, { tenant = tenant })
end
for _, queue in ipairs(late) do
  table.insert(early, queue)
end
local taken, size, last, found = {}, 0, after, true
while found do
  found = false
  for _, queue in ipairs(early) do
    if #taken >= jobs or size >= bytes then
      break
    end
    local record = next_of(queue)
    if record then
      table.insert(taken, record)
      size, last, found = size + #record, queue.tenant, true
    end
  end
end
return { last, died, dropped, taken }
