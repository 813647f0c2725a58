"""The vocabulary of the house: statistics, measures, designs, engines, and the one loop that joins them."""
