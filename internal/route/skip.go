// SPDX-License-Identifier: Apache-2.0

package route

import (
	"regexp"
	"strings"
)

// preset is a kind of objects that a route can pass over.
type preset struct {
	name string
	// skips reports whether the preset covers the object, and how one sees it.
	skips func(name string, size func() string) (sign string, ok bool)
}

var presets = []preset{
	{"folders", func(name string, _ func() string) (string, bool) {
		return endsIn(name, "/", "_$folder$")
	}},
	{"empty", func(_ string, size func() string) (string, bool) {
		return "its size is 0", size() == "0"
	}},
	{"temporary", func(name string, _ func() string) (string, bool) {
		return temporary(name)
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

// What is still written, or was left by what was interrupted, has a name like
// these, in lower case: FTP servers and Windows write .TMP.
var (
	// temporaryFolders are what a part of the name between two slashes begins with.
	//   - _temporary/: Hadoop and Spark, PENDING_DIR_NAME in Hadoop's FileOutputCommitter.java
	//   - __magic: S3A's committer, MagicCommitPaths.java
	//   - .spark-staging-: Spark, stagingDir in HadoopMapReduceCommitProtocol.scala
	//   - .hive-staging: Hive, hive.exec.stagingdir
	//   - .temp-beam and beam-temp-: Beam and so Dataflow, FileBasedSink.java and filebasedsink.py
	//   - .gcsfuse_tmp/: gcsfuse
	//   - .~tmp~/ and .rsync-partial/: rsync, --delay-updates and --partial-dir
	//   - tmp/: gsutil/tmp/… by gsutil, PARALLEL_UPLOAD_TEMP_NAMESPACE in gslib/utils/copy_helper.py
	//     gcloud/tmp/… by gcloud storage, _PARALLEL_UPLOAD_TEMPORARY_NAMESPACE in
	//     googlecloudsdk/command_lib/storage/tasks/cp/copy_component_util.py
	temporaryFolders = []string{
		"/tmp/", "/.tmp/", "/_tmp/", "/_temporary/", "/__magic", "/.spark-staging-", "/.hive-staging", "/.temp-beam",
		"/beam-temp-", "/.gcsfuse_tmp/", "/.~tmp~/", "/.rsync-partial/",
	}
	// temporaryNames are what the last part of the name begins with: those of
	// Office's and LibreOffice's owner files, and of Emacs's locks and NFS's.
	temporaryNames = []string{"~$", ".~lock.", ".#", ".nfs0", ".goutputstream-"}
	// temporaryEnds are what the name ends in.
	//   - .part, .crdownload, .download, .opdownload, .partial: browsers, curl's kin and rclone
	//   - .filepart: WinSCP
	//   - ~, .swp, .swo: editors' backups and Vim's swap files
	//   - .inprogress, .pending: Flink's sinks; ._COPYING_: hadoop fs, CommandWithDestination.java
	//   - _$folder$: Hadoop's placeholders of folders
	temporaryEnds = []string{
		".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".aria2", ".incomplete", ".uploading",
		".writing", "~", ".swp", ".swo", ".swx", ".inprogress", ".pending", "._copying_", "_$folder$",
	}
	// inProgress is the name of what Flink's FileSink and rsync write: .part-0-0.inprogress.5f…
	// and .a.csv.Xy12Zq.
	inProgress = regexp.MustCompile(`\.inprogress\.[0-9a-fA-F-]+$|(?:^|/)\.[^/]+\.[0-9A-Za-z]{6}$`)
)

// temporary reports whether what is called name is still written, or was left
// by what was interrupted.
func temporary(name string) (string, bool) {
	lower := "/" + strings.ToLower(name)
	for _, part := range temporaryFolders {
		if strings.Contains(lower, part) {
			return "its name has " + part[1:], true
		}
	}
	last := lower[strings.LastIndexByte(lower, '/')+1:]
	for _, begin := range temporaryNames {
		if strings.HasPrefix(last, begin) {
			return "its name begins with " + begin, true
		}
	}
	for _, end := range temporaryEnds {
		if strings.HasSuffix(lower, end) {
			return "its name ends in " + end, true
		}
	}
	if last == "" || last[0] != '.' && !strings.Contains(last, ".inprogress.") {
		return "", false
	}
	if end := inProgress.FindString(name); strings.Contains(end, ".inprogress.") || strings.ContainsAny(lastExtension(end),
		digitsAndCapitals) {
		return "its name ends in " + lastExtension(end), true
	}
	return "", false
}

// digitsAndCapitals are what rsync's six random characters nearly always have, and
// what people's endings of six letters hardly ever do.
const digitsAndCapitals = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func lastExtension(name string) string { return name[max(strings.LastIndexByte(name, '.'), 0):] }

// skipDoc documents skip by the patterns of each preset.
func skipDoc() string {
	return "Objects to pass over. folders: placeholders of folders, names that end in / or _$folder$. empty: objects of no bytes, such as " +
		"the first of two writes by gcsfuse; a marker such as _SUCCESS is empty as well. temporary: what is still written, letter " +
		"case aside: names with a folder " + strings.ReplaceAll(strings.Join(temporaryFolders, ", ")[1:], ", /", ", ") +
		"; names whose last part begins with " + strings.Join(temporaryNames, ", ") +
		"; names that end in " + strings.Join(temporaryEnds, ", ") + ", .inprogress.ID, or .NAME.XXXXXX with six random characters."
}
