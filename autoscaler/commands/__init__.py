"""What commands of the command line do, where that is more than a few lines; reading files and printing are left to `cli`."""
