"""Request counters in Redis, shared by all processes: one for each API key and clock hour."""

import time
from collections.abc import Mapping, Sequence

import redis.asyncio as redis

HOUR_SECONDS = 3600
# A claim ahead is at most so many requests, and the remaining ones divided by so much.
MAX_CLAIMED_AHEAD, CLAIM_AHEAD_DIVISOR = 16_384, 100

NONE_HELD: Mapping[int, int] = {}
GrantsByKey = dict[int, tuple[int, int]]  # by key id: requests used before, requests granted now

# KEYS: the counters. ARGV: for each counter the wanted requests, the limit, the requests held ahead and the last known
# count; then the maximum and the divisor of claims ahead, and the expiry time of the counters.
# Grants the wanted requests as far as the limit allows, and some ahead, less those held. Returns for each counter the
# requests used before and those granted. Refused requests are not counted; a negative number returns requests. If a
# counter is missing, because Redis has restarted without data, it continues from the last known count.
CLAIM_REQUESTS_SCRIPT = """
local answers = {}
for i, key in ipairs(KEYS) do
  local used = tonumber(redis.call('GET', key) or ARGV[4 * i])
  redis.call('SET', key, used, 'NX', 'EXAT', ARGV[#ARGV])
  local wanted, left, held = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]) - used, tonumber(ARGV[4 * i - 1])
  local grant = math.min(wanted, math.max(left, 0))
  if grant == wanted and wanted >= 0 then
    local ahead = math.floor((left - grant + held) / tonumber(ARGV[#ARGV - 1]))
    grant = grant + math.max(math.min(tonumber(ARGV[#ARGV - 2]), ahead) - held, 0)
  end
  if grant ~= 0 then
    redis.call('INCRBY', key, grant)
    redis.call('EXPIREAT', key, ARGV[#ARGV])
  end
  answers[2 * i - 1], answers[2 * i] = used, grant
end
return answers
"""


class RedisCounters:
    """The counters. Every method raises the errors of Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._script = client.register_script(CLAIM_REQUESTS_SCRIPT)

    async def claim_requests(
        self,
        wanted: Mapping[int, int],
        limits: Mapping[int, int],
        hour: int,
        held: Mapping[int, int],
        known: Mapping[int, int],
    ) -> GrantsByKey:
        """Claim requests for keys. Return the requests used before and those granted, by key id."""
        ids = list(wanted)
        arguments = [
            number for id_ in ids for number in (wanted[id_], limits[id_], held.get(id_, 0), known.get(id_, 0))
        ]
        answer = await self._script(
            keys=[_counter_key(id_, hour) for id_ in ids],
            args=[*arguments, MAX_CLAIMED_AHEAD, CLAIM_AHEAD_DIVISOR, _expiry_time(hour)],
        )
        return {id_: (int(answer[2 * i]), int(answer[2 * i + 1])) for i, id_ in enumerate(ids)}

    async def read_counts(self, key_ids: Sequence[int]) -> dict[int, int]:
        """Return the requests of keys in this clock hour. Those that a process has claimed ahead are among them."""
        if not key_ids:
            return {}
        hour = int(time.time()) // HOUR_SECONDS
        counts = await self._redis.mget([_counter_key(id_, hour) for id_ in key_ids])
        return {id_: int(count or 0) for id_, count in zip(key_ids, counts, strict=True)}

    async def add_counts(self, counted: Mapping[tuple[int, int], int], known: Mapping[tuple[int, int], int]) -> None:
        """Add local counts, by hour and key id. A missing counter starts from the known count."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for (hour, id_), n in counted.items():
                pipe.set(_counter_key(id_, hour), known.get((hour, id_), 0), nx=True)
                pipe.incrby(_counter_key(id_, hour), n)
                pipe.expireat(_counter_key(id_, hour), _expiry_time(hour))
            await pipe.execute()


def _expiry_time(hour: int) -> int:
    return (hour + 1) * HOUR_SECONDS + 60


def _counter_key(key_id: int, hour: int) -> str:
    return f"leadhub:limit:{key_id}:{hour}"
