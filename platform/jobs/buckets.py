"""Token buckets in Valkey: how many calls a shop, and each of its keys, may still make.

A bucket is one number: when it will be full again (microseconds of the server's clock). So there are no
fractions of tokens to keep, and an idle one needs no key at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import redis

# All buckets give a token, or none does. A bucket is full at `full`; each token it lacks is `step` later.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local found, wait = {}, 0
for i, key in ipairs(KEYS) do
  local size, step = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local full = math.max(tonumber(redis.call('GET', key) or now), now)
  found[i] = {full = full, step = step, size = size}
  wait = math.max(wait, full + step - size * step - now)
end
local answer = {now, wait}
for i, key in ipairs(KEYS) do
  local bucket = found[i]
  if wait <= 0 then
    bucket.full = bucket.full + bucket.step
    local life = math.ceil((bucket.full - now) / 1000) + 1
    redis.call('SET', key, string.format('%.0f', bucket.full), 'PX', life)
  end
  answer[#answer + 1] = bucket.full - now
end
return answer
"""


@dataclass(frozen=True)
class Bucket:
    """`size` tokens at most, one back every `step_us` microseconds. name: how callers are told of it."""

    name: str
    key: str
    size: int
    step_us: int

    @property
    def window_s(self) -> int:
        """Seconds in which an empty one is full again."""
        return max(1, round(self.size * self.step_us / 1_000_000))


@dataclass(frozen=True)
class Level:
    """What is left in a bucket, and the seconds until it is full."""

    bucket: Bucket
    tokens: int
    full_in_s: int


@dataclass(frozen=True)
class Taken:
    """Whether every bucket gave a token; `wait_s`: seconds until all could. now_us: the server's clock."""

    levels: tuple[Level, ...]
    wait_s: float
    now_us: int

    @property
    def refused(self) -> bool:
        """Whether none was given."""
        return self.wait_s > 0


def size_bucket(name: str, key: str, *, a_minute: float, burst_s: int) -> Bucket:
    """A bucket of so many tokens a minute that holds those of `burst_s` seconds, and one at least."""
    step = max(1, round(60_000_000 / a_minute)) if a_minute > 0 else 60_000_000
    return Bucket(name, f"vitrine:bucket:{key}", max(1, int(a_minute * burst_s / 60)), step)


def queue_take(pipe: "redis.client.Pipeline", buckets: Sequence[Bucket]) -> None:
    """Ask with the pipeline's next round trip for a token of each; `read_taken` reads its answer."""
    sizes = [number for bucket in buckets for number in (bucket.size, bucket.step_us)]
    pipe.eval(_TAKE, len(buckets), *(bucket.key for bucket in buckets), *sizes)


def read_taken(buckets: Sequence[Bucket], answer: Sequence[int]) -> Taken:
    """What the script answered."""
    now, wait, *missing = answer
    levels = (_read_level(bucket, full_in) for bucket, full_in in zip(buckets, missing, strict=True))
    return Taken(tuple(levels), max(0.0, wait / 1_000_000), now)


def _read_level(bucket: Bucket, full_in_us: int) -> Level:
    tokens = (bucket.size * bucket.step_us - full_in_us) // bucket.step_us
    return Level(bucket, max(0, tokens), math.ceil(full_in_us / 1_000_000))
