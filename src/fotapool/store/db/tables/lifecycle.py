"""The tables of what has left: devices that were deleted, or moved to another account."""

TABLES = """
CREATE TABLE departed_device (
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    added_ms BIGINT NOT NULL,
    left_ms BIGINT NOT NULL,
    moved_to TEXT NOT NULL,
    PRIMARY KEY (account_id, imei)
){clustered};
"""
