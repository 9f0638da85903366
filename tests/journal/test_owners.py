"""Who works on a line: a lease ends early when its process is surely dead."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eguma_async.journal.owners import LONGEST_LEASE, is_at_work, is_gone, new_owner

NOW = 1_000_000.0


def test_a_living_process_keeps_its_lease_until_it_ends():
    mine = new_owner("boot")
    assert is_at_work(mine, NOW + 60, NOW, "boot")
    assert not is_at_work(mine, NOW, NOW, "boot")
    assert not is_at_work(None, NOW + 60, NOW, "boot")


def test_a_lease_that_ends_in_the_far_future_is_none():
    assert not is_at_work(new_owner("boot"), NOW + LONGEST_LEASE + 1, NOW, "boot")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process was started")
def test_a_dead_process_of_this_machine_has_no_lease():
    code = "from eguma_async.journal.owners import new_owner; print(new_owner('boot'))"
    dead = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert is_gone(dead, "boot")
    assert not is_at_work(dead, NOW + 60, NOW, "boot")
    assert not is_gone(dead, "another boot")  # another machine: who knows
    assert is_at_work(dead, NOW + 60, NOW, "another boot")


def test_a_process_id_that_was_given_out_again_is_another_process():
    boot, namespace, process, _, user = new_owner("boot").split("/")
    before = f"{boot}/{namespace}/{process}/1/{user}"
    assert is_gone(before, "boot") is (namespace != "")


@pytest.mark.parametrize("owner", ["", "x", "boot", "boot//1/2/3", "boot/other/1/2/3"])
def test_what_is_no_name_of_ours_is_not_taken_for_dead(owner):
    assert not is_gone(owner, "boot")


def test_a_process_that_the_system_hides_is_not_taken_for_dead():
    assert not is_gone(new_owner("boot"), "boot", lambda process: "")
