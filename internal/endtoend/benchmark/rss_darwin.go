// SPDX-License-Identifier: Apache-2.0

package main

// rssUnit is the unit of the peak memory that macOS reports, in bytes.
const rssUnit = 1
