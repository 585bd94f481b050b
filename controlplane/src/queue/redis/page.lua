-- Some of the dead, of one tenant or of all, the newest first.
local tenant, limit, last = ARGV[3], tonumber(ARGV[4]), '+'
if ARGV[5] ~= '' then
  last = '(' .. (redis.call('HGET', job(ARGV[5]), 'dead') or ARGV[6] .. '-0')
end
local told = {}
while #told < limit do
  local entries = redis.call('XREVRANGE', DEAD, last, '-', 'COUNT', 100)
  if #entries == 0 then
    break
  end
  for _, entry in ipairs(entries) do
    last = '(' .. entry[1]
    local found = describe(entry[2][2])
    if found and #told < limit and (tenant == '' or found[2] == tenant) then
      table.insert(told, found)
    end
  end
end
return told
