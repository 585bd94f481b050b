-- Takes jobs away; how many were there.
local removed = 0
for i = 3, #ARGV do
  removed = removed + remove(ARGV[i])
end
return removed
