"""The binary log of MySQL and MariaDB: row events as columns."""
