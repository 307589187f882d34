# SPDX-License-Identifier: MIT
certificate | sed -n '/-----/p'
