package presence

import (
	"hash/fnv"
	"strconv"
	"strings"

	"chaffer/internal/models"
)

// What is in Redis, each key on its own so that a cluster can place it anywhere:
//
//	chaffer:presence:<user>   ZSET  <node>:<socket> → when its lease ends, ms of Redis's clock
//	                                <node>:~        → when the grace after a departure ends
//	chaffer:online:<shard>    ZSET  <user> → when all leases will have ended; in it = announced as online
//	chaffer:seen:<user>       when somebody was last there, ms
const (
	keyPresence = "chaffer:presence:"
	keyOnline   = "chaffer:online:"
	keySeen     = "chaffer:seen:"
	departed    = "~" // stands for a socket in the grace
	shards      = 16
)

func presenceKey(u models.UserRef) string { return keyPresence + u.String() }
func seenKey(u models.UserRef) string     { return keySeen + u.String() }

func onlineKey(u models.UserRef) string {
	h := fnv.New32a()
	h.Write([]byte(u.String()))
	return keyOnline + strconv.Itoa(int(h.Sum32()%shards))
}

func parseUser(s string) (models.UserRef, bool) {
	kind, id, ok := strings.Cut(s, ":")
	return models.UserRef{Type: models.UserType(kind), ID: id}, ok && kind != "" && id != ""
}

const clock = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) `

// stayScript prolongs leases: ARGV lease in ms, limit of sockets (0: none), how long the key may
// live, then socket and age in ms of its last sign of life, again and again. -1: too many sockets.
const stayScript = clock + `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local limit = tonumber(ARGV[2])
if limit > 0 and not redis.call('ZSCORE', KEYS[1], ARGV[4]) then
	local n = 0
	for _, m in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
		if string.sub(m, -2) ~= ':~' then n = n + 1 end
	end
	if n >= limit then return -1 end
end
for i = 4, #ARGV, 2 do
	local ends = now + tonumber(ARGV[1]) - tonumber(ARGV[i + 1])
	if ends > now then redis.call('ZADD', KEYS[1], ends, ARGV[i]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0`

// leaveScript ends a socket's lease and begins its node's grace: ARGV socket, stand-in, grace in ms.
const leaveScript = clock + `
redis.call('ZREM', KEYS[1], ARGV[1])
if tonumber(ARGV[3]) > 0 then redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2]) end
return 0`

// stateScript answers how many ms until the last lease or grace ends, and until the last lease; what
// has ended goes, and with the last of it the key.
const stateScript = clock + `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local any, socket = 0, 0
local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #all, 2 do
	local left = tonumber(all[i + 1]) - now
	if left > any then any = left end
	if left > socket and string.sub(all[i], -2) ~= ':~' then socket = left end
end
return {any, socket}`

// holdScript notes until when somebody counts as online: ARGV user, ms. 1: was not announced yet.
const holdScript = clock + `
redis.call('PEXPIRE', KEYS[1], 3600000)
return redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])`

// dueScript lists people whose leases should all have ended: ARGV at most how many.
const dueScript = clock + `
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])`

// claimScript takes somebody off the list unless they have come back: ARGV user. 1: the caller
// announces it, nobody else does.
const claimScript = clock + `
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and tonumber(ends) <= now then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0`
