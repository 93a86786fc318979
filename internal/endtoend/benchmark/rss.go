// SPDX-License-Identifier: Apache-2.0

//go:build !darwin

package main

// rssUnit is the unit of the peak memory that Linux reports, in bytes.
const rssUnit = 1024
