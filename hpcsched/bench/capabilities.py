"""Words for the kernel's masks of capabilities (capabilities(7))."""

from __future__ import annotations

NAMES = tuple(
    """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast
    net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice
    sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm
    block_suspend audit_read perfmon bpf checkpoint_restore
    """.split()  # noqa: SIM905, a list of 41 strings is no easier to read
)
"""By bit."""


def missing(mask: str, beside: str) -> list[str]:
    """What the second mask has and the first has not; a bit that is newer than these names by its number."""
    lacks = _bits(beside) & ~_bits(mask)
    return [NAMES[bit] if bit < len(NAMES) else str(bit) for bit in range(lacks.bit_length()) if lacks >> bit & 1]


def _bits(mask: str) -> int:
    """0 where that is no mask."""
    try:
        return int(mask, 16)
    except ValueError:
        return 0
