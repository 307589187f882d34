# SPDX-License-Identifier: MIT
# It waits a second once more, and says so, for each that the search takes on this machine.
task >out
uniq out
