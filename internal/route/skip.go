// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strings"

	"example.com/dagtrigger/internal/route/expression"
)

// preset is a kind of objects that a route can pass over.
type preset struct {
	name string
	// skips reports whether the preset covers the object, and how one sees it.
	skips func(s *expression.Scope) (sign string, ok bool)
}

var presets = []preset{
	{"folders", func(s *expression.Scope) (string, bool) {
		return endsIn(s.Event().Object.Name, "/", "_$folder$")
	}},
	{"empty", func(s *expression.Scope) (string, bool) {
		return "its size is 0", s.Size() == "0"
	}},
	{"temporary", func(s *expression.Scope) (string, bool) {
		return temporary(s.Event().Object.Name)
	}},
}

func presetNames() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return names
}

func endsIn(name string, suffixes ...string) (string, bool) {
	for _, suffix := range suffixes {
		if strings.HasSuffix(name, suffix) {
			return "its name ends in " + suffix, true
		}
	}
	return "", false
}

// temporary reports whether a program still writes what is called name, by the
// names that these give to it:
//   - _temporary/: Hadoop and Spark, PENDING_DIR_NAME in Hadoop's FileOutputCommitter.java
//   - .spark-staging-: Spark, stagingDir in HadoopMapReduceCommitProtocol.scala
//   - ._COPYING_: hadoop fs, CommandWithDestination.java
//   - .temp-beam and beam-temp-: Beam and so Dataflow, FileBasedSink.java and filebasedsink.py
//   - gsutil: PARALLEL_UPLOAD_TEMP_NAMESPACE in gslib/utils/copy_helper.py
//   - gcloud storage: _PARALLEL_UPLOAD_TEMPORARY_NAMESPACE in
//     googlecloudsdk/command_lib/storage/tasks/cp/copy_component_util.py
func temporary(name string) (string, bool) {
	folder := "/" + name
	for _, sign := range []string{
		"/_temporary/", "/.spark-staging-", "/.temp-beam", "/beam-temp-",
		"/gsutil/tmp/parallel_composite_uploads/", "/gcloud/tmp/parallel_composite_uploads/",
	} {
		if strings.Contains(folder, sign) {
			return "its name has " + sign[1:], true
		}
	}
	return endsIn(name, "._COPYING_")
}
