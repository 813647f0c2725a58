"""Speed, as ratios within one run; nothing here is asserted by the tests."""
