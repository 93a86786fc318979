// SPDX-License-Identifier: Apache-2.0

package pull

// PushOf is for tests.
var PushOf = pushOf
