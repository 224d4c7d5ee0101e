"""The days that schedules exclude: calendar files that the user keeps, and public holidays as a library knows them."""
