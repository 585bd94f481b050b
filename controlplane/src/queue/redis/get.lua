-- One of the dead and its record.
local found = describe(ARGV[3])
if not found then
  return {}
end
table.insert(found, redis.call('HGET', job(ARGV[3]), 'record') or '')
return { found }
