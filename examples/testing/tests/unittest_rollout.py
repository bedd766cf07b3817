"""Tests with unittest: one server for the class, one account for each test."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rollout import Licenses

from fotapool.testing import Server


class LicensesFollowTheDevices(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(Server())

    def setUp(self) -> None:
        self.account = self.server.account(licenses=3, devices=5, licensed=3)
        self.addCleanup(self.account.close)

    def test_licenses_move_to_the_devices_that_need_them(self) -> None:
        wanted = self.account.devices[2:5]
        Licenses(self.account.api, self.account.name).keep_only(wanted)
        self.account.assert_licensed(wanted)

    def test_another_test_has_another_account(self) -> None:
        self.account.assert_pool(used=3, free=0)


if __name__ == "__main__":
    unittest.main()
