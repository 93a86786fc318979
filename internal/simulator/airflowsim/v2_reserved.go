// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"slices"
	"strings"
)

// reserved34 are FORBIDDEN_XCOM_KEYS of airflow/_shared/serialization (3.4),
// which conf must not hold at any depth, in the order of the error text.
var reserved34 = []string{"__cache__", "__classname__", "__data__", "__id__", "__source", "__type", "__var", "__version__"}

// reservedKeys is what check_conf_reserved_keys of core_api/datamodels/common.py
// says of the first object that holds a reserved key, or "".
func reservedKeys(v any, path string) string {
	switch v := v.(type) {
	case *object:
		found := slices.DeleteFunc(slices.Clone(reserved34), func(key string) bool { return !v.has(key) })
		if len(found) > 0 {
			return fmt.Sprintf("%s contains reserved serialization keys: %s. These keys are reserved for internal use.",
				path, strings.Join(found, ", "))
		}
		for _, key := range v.keys {
			if text := reservedKeys(v.vals[key], path+"."+key); text != "" {
				return text
			}
		}
	case []any:
		for i, item := range v {
			if text := reservedKeys(item, fmt.Sprintf("%s[%d]", path, i)); text != "" {
				return text
			}
		}
	}
	return ""
}

// valueError is what Pydantic makes of a validator's ValueError.
func valueError(text string, input any, loc ...any) *object {
	fault := invalid("value_error", "Value error, "+text, input, loc...)
	fault.set("ctx", obj("error", obj()))
	return fault
}
