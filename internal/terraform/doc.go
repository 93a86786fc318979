// SPDX-License-Identifier: Apache-2.0

// Package terraform owns the checks of the module in deploy/terraform. It has
// nothing but tests.
//
// Where DAGTRIGGER_REAL asks for real programs, the real Terraform checks the
// module and plans it, against the published schema of the Google provider: an
// argument that the provider does not have, or one that it misses, fails. The
// provider itself is not run, and nobody is asked for anything: testdata/provider
// stands for it, which has its schema and makes nothing. What is planned is then
// held against the package deployment, whose plan the module follows.
package terraform
