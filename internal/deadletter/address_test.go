// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"errors"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/deadletter"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	const fix = ": write pubsub://projects/PROJECT/topics/TOPIC, gs://BUCKET/PREFIX or file:///FOLDER"
	good := func(text, want string) [2]string { return [2]string{text, want} }
	bad := func(text, what string) [2]string { return [2]string{text, "problem: " + what + fix} }
	for _, row := range [][2]string{
		good("pubsub://projects/proj-1/topics/dead", "pubsub://projects/proj-1/topics/dead"),
		good("pubsub://projects/acme.com:proj-1/topics/a.b_c~d+e%f", "pubsub://projects/acme.com:proj-1/topics/a.b_c~d+e%f"),
		good("gs://acme-dead", "gs://acme-dead"),
		good("gs://acme-dead/", "gs://acme-dead"),
		good("gs://acme_dead.example.com/a b/c/", "gs://acme_dead.example.com/a b/c"),
		good("file:///var/dead/", "file:///var/dead"),
		good("file:///var//a b/../dead", "file:///var/dead"),
		bad("", "the address is empty"),
		bad("/var/dead", `"/var/dead" names no scheme`),
		bad("gs:acme", `"gs:acme" names no scheme`),
		bad("s3://acme", `"s3://acme" has the scheme "s3"`),
		bad("GS://acme", `"GS://acme" has the scheme "GS"`),
		bad("gs://acme\n", `"gs://acme\n" holds a control character`),
		bad("pubsub://proj-1/dead", `"pubsub://proj-1/dead" names no topic`),
		bad("pubsub://projects/proj-1/subscriptions/dead", `"pubsub://projects/proj-1/subscriptions/dead" names no topic`),
		bad("pubsub://projects/proj-1/topics/dead/", `"pubsub://projects/proj-1/topics/dead/" names no topic`),
		bad("pubsub://projects/P/topics/dead", `"pubsub://projects/P/topics/dead" names a project that cannot be: `+
			`"P" has to have 6 to 100 of a-z 0-9 : . -`),
		bad("pubsub://projects/proj-1/topics/d", `"pubsub://projects/proj-1/topics/d" names a topic that cannot be: `+
			`"d" has to have 3 to 255 of A-Z a-z 0-9 . _ ~ + % -, a letter first, not goog`),
		bad("gs://", `"gs://" names a bucket that cannot be: ""`),
		bad("gs://Acme/x", `"gs://Acme/x" names a bucket that cannot be: "Acme"`),
		bad("gs://acme?x=1", `"gs://acme?x=1" names a bucket that cannot be: "acme?x=1"`),
		bad("gs://acme//x", `"gs://acme//x" has a slash too many`),
		bad("gs://acme/x//", `"gs://acme/x//" has a slash too many`),
		bad("gs://acme/*", `"gs://acme/*" has a prefix with a wildcard, which would be taken for a letter of its name`),
		bad("gs://acme/"+strings.Repeat("x", 513), `"gs://acme/`+strings.Repeat("x", 190)+`" has a prefix of over 512 bytes`),
		bad("file://var/dead", `"file://var/dead" names no folder from the root: a file address has three slashes`),
		bad("file:///", `"file:///" names no folder below the root`),
	} {
		got, err := deadletter.ParseAddress(row[0])
		text := got.String()
		if err != nil {
			text = "problem: " + err.Error()
			if _, ok := errors.AsType[*deadletter.AddressError](err); !ok {
				t.Errorf("ParseAddress(%q) fails with a %T", row[0], err)
			}
		}
		if text != row[1] {
			t.Errorf("ParseAddress(%.50q) =\n%s, want\n%s", row[0], text, row[1])
		}
	}
}

func FuzzAddressRoundTrip(f *testing.F) {
	for _, seed := range []string{"pubsub://projects/proj-1/topics/dead", "gs://acme/x/", "file:///a/../b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := deadletter.ParseAddress(text)
		if err != nil {
			t.Skip()
		}
		again, err := deadletter.ParseAddress(first.String())
		if err != nil || again != first {
			t.Errorf("%q became %+v, then %+v, %v", text, first, again, err)
		}
	})
}

func TestArchiveOfATopicNeedsASubscription(t *testing.T) {
	t.Parallel()
	o := deadletter.Options{Transport: newTransport(t), PubSubEmulator: "127.0.0.1:1"}
	const topic = "pubsub://" + topicName
	for _, row := range []struct{ address, subscription, want string }{
		{topic, "", topic + " is a topic, which gives nothing back: name a pull subscription to it, with --subscription"},
		{topic, "a/b", `"a/b" is not a valid subscription: write projects/PROJECT/subscriptions/SUBSCRIPTION, or its name alone`},
		{topic, "projects/proj-1/topics/dead", `"projects/proj-1/topics/dead" is not a valid subscription: ` +
			`write projects/PROJECT/subscriptions/SUBSCRIPTION, or its name alone`},
		{"file:///tmp/dead", "dead-pull", `file:///tmp/dead has no subscription "dead-pull": leave the subscription out: only a topic has one`},
		{"s3://x", "", `opening the dead letters: "s3://x" has the scheme "s3": ` +
			`write pubsub://projects/PROJECT/topics/TOPIC, gs://BUCKET/PREFIX or file:///FOLDER`},
	} {
		o.Subscription = row.subscription
		if _, err := deadletter.OpenArchive(row.address, o); err == nil || err.Error() != row.want {
			t.Errorf("OpenArchive(%s, %q) =\n%v, want\n%s", row.address, row.subscription, err, row.want)
		}
	}
}
