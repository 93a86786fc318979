// SPDX-License-Identifier: Apache-2.0

package deployed_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/gcp"
	"example.com/dagtrigger/internal/real/realtest"
)

// messages are the resources by the classes that gcloud has for the messages of their
// APIs: as they are decoded here, and as the tests' Google has them.
func messages(w *world) map[string][]any {
	all := map[string][]any{
		"cloudfunctions.v2.cloudfunctions_v2_messages:Function": {
			filled[gcp.Function](object{"state": "ACTIVE", "retryPolicy": "RETRY_POLICY_RETRY"}), w.resources[function],
		},
		"run.v2.run_v2_messages:GoogleCloudRunV2Service": {
			filled[gcp.Service](object{
				"state": "CONDITION_SUCCEEDED", "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "ingress": "INGRESS_TRAFFIC_ALL",
			}), w.resources[service],
		},
		"pubsub.v1.pubsub_v1_messages:Subscription": {
			filled[gcp.Subscription](nil), w.subscriptions[ordersSub], w.subscriptions[lostKept],
		},
		"pubsub.v1.pubsub_v1_messages:Topic":                               {w.resources[lost]},
		"pubsub.v1.pubsub_v1_messages:Policy":                              {filled[gcp.Policy](nil)},
		"run.v2.run_v2_messages:GoogleIamV1Policy":                         {filled[gcp.Policy](nil)},
		"storage.v1.storage_v1_messages:Notification":                      {filled[gcp.Notification](nil)},
		"storage.v1.storage_v1_messages:Notifications":                     {w.resources["b/acme-scans/notificationConfigs"]},
		"storage.v1.storage_v1_messages:Policy":                            {filled[gcp.Policy](nil)},
		"iam.v1.iam_v1_messages:ServiceAccount":                            {filled[gcp.Account](nil)},
		"cloudresourcemanager.v1.cloudresourcemanager_v1_messages:Project": {object{"projectNumber": "1"}, w.resources["projects/acme-1"]},
	}
	trigger := filled[gcp.Trigger](nil)
	delete(trigger, "retryPolicy") // in the reference since 2025, and not yet in every gcloud
	all["eventarc.v1.eventarc_v1_messages:Trigger"] = []any{trigger, w.triggers["own"], w.triggers["orders"]}
	return all
}

// filled is the JSON of a T whose fields all have a value, those of a few words the one
// in words.
func filled[T any](words object) object {
	var v T
	fill(reflect.ValueOf(&v).Elem())
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var decoded object
	if err := json.Unmarshal(text, &decoded); err != nil {
		panic(err)
	}
	settle(decoded, words)
	return decoded
}

// settle replaces the texts of members by their names.
func settle(value any, words object) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			settle(item, words)
		}
	case object:
		for name, member := range v {
			if word, ok := words[name]; ok && member == "x" {
				v[name] = word
			}
			settle(member, words)
		}
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	}
}

// gcloud's own classes know every field that is read, and every field and word of what
// the tests' Google answers.
func TestFieldsAreThoseOfGooglesAPIs(t *testing.T) {
	t.Parallel()
	realtest.Need(t, func() error {
		_, err := exec.LookPath("gcloud")
		return errors.Join(err, lookPath("python3"))
	})
	program, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip(err)
	}
	if program, err = filepath.EvalSymlinks(program); err != nil { // SDK/bin/gcloud
		t.Fatal(err)
	}
	args := []string{"-B", "../../../deploy/monitoring/testdata/unknown.py", filepath.Dir(filepath.Dir(program))}
	folder := t.TempDir()
	for class, resources := range messages(newWorld(t)) {
		for i, resource := range resources {
			text, err := json.Marshal(resource)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, strings.ReplaceAll(class, ":", ".")+string(rune('0'+i))+".json")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, class+":"+path)
		}
	}
	out, err := exec.CommandContext(t.Context(), "python3", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(out) > 0 {
		t.Errorf("%s", out)
	}
}

func lookPath(program string) error {
	_, err := exec.LookPath(program)
	return err
}
