// SPDX-License-Identifier: Apache-2.0

// Package release owns the checks of what makes a release: the configuration of
// GoReleaser, the workflows, and the list of changes. It has nothing but tests.
//
// They run the programs that will read these files, where DAGTRIGGER_REAL asks
// for real programs; they publish nothing.
package release
