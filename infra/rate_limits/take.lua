-- Count a request in KEYS[1], unless ARGV[1] have been counted there already; return which one it is.
-- A fresh count is forgotten after ARGV[2] milliseconds. What is not a count of ours, which is 1 to ARGV[3], is replaced.
local found = redis.pcall('GET', KEYS[1])
local counted = type(found) == 'string' and string.match(found, '^[1-9]%d*$') and tonumber(found)
if not counted or counted > tonumber(ARGV[3]) then
    redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
    return 1
end
if counted >= tonumber(ARGV[1]) then
    return tonumber(ARGV[1]) + 1
end
return redis.call('INCR', KEYS[1])
