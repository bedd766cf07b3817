"""Keys of devices: operators create and delete them, devices identify themselves by them."""

from __future__ import annotations

from fotapool.core import hashing
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.identity import check_overlap, key_prefix
from fotapool.domain.names import format_device_id
from fotapool.services.audit_log.drafts import MASKED
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.services.identity.credentials import check_name, given_or_generated
from fotapool.store.db.connection import Connection
from fotapool.store.devices.devices import read_known_devices
from fotapool.store.identity import device_keys as store
from fotapool.store.identity.device_keys import DeviceKey
from fotapool.store.identity.keys import DEVICE_KEY

NO_SUCH_DEVICE = "there is no such device, or the key is not for it"
MAX_CACHED = 10_000
"""Maximum number of keys that a process caches."""


class KeyUnknown(Exception):
    """The device presented no key, or an unknown one."""


async def create_device_key(context: Context, caller: Caller, name: str, imei: int | None) -> str:
    """Creates a key for one device, or for all devices of the account; returns it.

    Raises Invalid, Conflict for a name that is taken, and NotFound for a device that is not the account's.
    """
    context.audit.about("device key", name, caller.account_name)
    check_name(name, "name")
    key = given_or_generated(context, None, "key")

    def create(connection: Connection, now_ms: int) -> None:
        if imei is not None and not read_known_devices(connection, caller.account_id, [imei]):
            raise NotFound(f"device {format_device_id(imei)} is not a device of account {caller.account_name}")
        if store.read_device_key(connection, caller.account_id, name) is not None:
            raise Conflict(f"device key {name} exists already")
        device_key = DeviceKey(name, imei, created_ms=now_ms, prefix=key_prefix(key), issued_ms=now_ms)
        store.record_device_key(connection, hashing.token_hash(key), caller.account_id, device_key)
        context.audit.record(connection, now_ms, after=_shown(device_key))

    await context.writer.submit(DirectCommand(create, caller=caller))
    return key


async def rotate_device_key(
    context: Context, caller: Caller, name: str, overlap_ms: int
) -> tuple[str, DeviceKey, int | None]:
    """Replaces a key; returns the new one, its facts, and when (ms) the old one expires (None: it has ended).

    Of a name, two keys are valid at most: a key that was replaced before ends now. Raises Invalid or NotFound.
    """
    context.audit.about("device key", name, caller.account_name)
    check_overlap(overlap_ms)
    key = given_or_generated(context, None, "key")

    def rotate(connection: Connection, now_ms: int) -> tuple[DeviceKey, int | None]:
        old = _existing(connection, caller, name)
        expires_ms = now_ms + overlap_ms if overlap_ms else None
        new = old._replace(prefix=key_prefix(key), issued_ms=now_ms, used_ms=None)
        store.record_device_key_replaced(
            connection, key_hash=hashing.token_hash(key), account_id=caller.account_id, new=new, expires_ms=expires_ms
        )
        expires = None if expires_ms is None else format_timestamp(expires_ms)
        context.audit.record(connection, now_ms, after={"key": MASKED, "oldKeyExpires": expires})
        return new, expires_ms

    return key, *await context.writer.submit(DirectCommand(rotate, caller=caller))


def _shown(key: DeviceKey) -> dict[str, str | None]:
    """The key as the audit log shows it."""
    return {"deviceId": None if key.imei is None else format_device_id(key.imei), "key": MASKED}


def _existing(connection: Connection, caller: Caller, name: str) -> DeviceKey:
    key = None if "\x00" in name else store.read_device_key(connection, caller.account_id, name)
    if key is None:
        raise NotFound(f"device key {name[:100]} does not exist")
    return key


async def list_device_keys(context: Context, caller: Caller, after: str, limit: int) -> list[list[DeviceKey]]:
    """The account's keys by name, after the given one: the present one of each name, then a replaced one if valid."""
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> list[list[DeviceKey]]:
        keys = store.read_device_keys(connection, caller.account_id, after, min(limit, OPERATOR_PAGE + 1))
        names = [key.name for key in keys]
        replaced = store.read_replaced_keys(connection, caller.account_id, names, now_ms) if names else {}
        return [[key, replaced[key.name]] if key.name in replaced else [key] for key in keys]

    return await context.reader.short(read)


async def delete_device_key(context: Context, caller: Caller, name: str) -> None:
    """Deletes a key: requests with it are rejected from now on. Raises NotFound."""

    context.audit.about("device key", name, caller.account_name)

    def delete(connection: Connection, now_ms: int) -> None:
        deleted = _existing(connection, caller, name)
        store.record_device_key_deleted(connection, caller.account_id, name)
        context.audit.record(connection, now_ms, before=_shown(deleted))

    await context.writer.submit(DirectCommand(delete, caller=caller))


async def identify_device(context: Context, key: str, imei: int, request_id: str) -> Caller:
    """The device as a caller for its account.

    Raises KeyUnknown, and NotFound for a device that does not exist, is another account's, or not the key's.
    """
    key_hash, now_ms = hashing.token_hash(key), context.clock.now_ms()
    holder = await context.reader.short(store.read_key_holder, key_hash, imei, now_ms)
    if holder is None:
        raise KeyUnknown
    context.key_uses.note(DEVICE_KEY, key_hash, now_ms)
    if not holder.known or holder.imei not in (None, imei):
        raise NotFound(NO_SUCH_DEVICE)
    return Caller(f"device {format_device_id(imei)}", request_id, holder.account_id, holder.account_name)


class KeyRing:
    """Caches the accounts of device keys, for requests whose command checks the key again in its transaction."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._holders: dict[bytes, Caller] = {}

    async def identify(self, key: str, imei: int, request_id: str, cached: bool) -> tuple[Caller, bytes]:
        """The device as a caller, and its key's hash. Raises as `identify_device`.

        With `cached`, the key may have been deleted since: the command must check it.
        """
        key_hash = hashing.token_hash(key)
        holder = self._holders.get(key_hash) if cached else None
        if holder is None:
            holder = await identify_device(self._context, key, imei, request_id)
            if len(self._holders) >= MAX_CACHED:
                self._holders.clear()
            self._holders[key_hash] = holder
            return holder, key_hash
        self._context.key_uses.note(DEVICE_KEY, key_hash, self._context.clock.now_ms())
        actor = f"device {format_device_id(imei)}"
        return Caller(actor, request_id, holder.account_id, holder.account_name), key_hash
