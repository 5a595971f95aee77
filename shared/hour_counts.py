"""The counts of requests in Redis: one for each key and clock hour, over all processes."""

from collections.abc import Mapping

import redis.asyncio as redis

HOUR = 3600
AHEAD, SHARE = 16_384, 100  # most requests claimed ahead; of so many that are left, one

NOTHING: Mapping[int, int] = {}
Granted = dict[int, tuple[int, int]]  # by key id: used before, granted now

# KEYS: counters; ARGV: wanted, limit, held ahead and last known of each, then the most and the share claimed ahead, and
# when they end. Grants what is left and some ahead, less what is held; returns what was used before and what was
# granted. What is refused is not counted; a negative wish gives back. A counter that is gone, with a Redis that was
# started anew, goes on from what was known.
SCRIPT = """
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


class HourCounts:
    """Asks Redis. Raises its errors."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._script = client.register_script(SCRIPT)

    async def claim(
        self,
        wanted: Mapping[int, int],
        limits: Mapping[int, int],
        hour: int,
        held: Mapping[int, int],
        known: Mapping[int, int],
    ) -> Granted:
        """What is granted to each key."""
        ids = list(wanted)
        arguments = [
            number for id_ in ids for number in (wanted[id_], limits[id_], held.get(id_, 0), known.get(id_, 0))
        ]
        answer = await self._script(
            keys=[_name(id_, hour) for id_ in ids], args=[*arguments, AHEAD, SHARE, _end_of(hour)]
        )
        return {id_: (int(answer[2 * i]), int(answer[2 * i + 1])) for i, id_ in enumerate(ids)}

    async def add(self, counted: Mapping[tuple[int, int], int], known: Mapping[tuple[int, int], int]) -> None:
        """Adds what was counted elsewhere, by hour and key, to the counts; where these are gone, to what was known."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for (hour, id_), n in counted.items():
                pipe.set(_name(id_, hour), known.get((hour, id_), 0), nx=True)
                pipe.incrby(_name(id_, hour), n)
                pipe.expireat(_name(id_, hour), _end_of(hour))
            await pipe.execute()


def _end_of(hour: int) -> int:
    return (hour + 1) * HOUR + 60


def _name(key_id: int, hour: int) -> str:
    return f"leadhub:limit:{key_id}:{hour}"
