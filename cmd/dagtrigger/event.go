// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"example.com/dagtrigger/internal/operator/delivery"
)

// eventFlags are the event to make. What they leave out is taken from the clock, so
// that each event is new; --id, --generation and --time make the same one again.
type eventFlags struct {
	id           string
	time         string
	topic        string
	subscription string

	change     string
	generation int64
	object     delivery.Object // what has a separate flag
	metadata   map[string]string

	data        string
	attributes  map[string]string
	orderingKey string
}

// common are the flags of every event.
func (f *eventFlags) common(flags *pflag.FlagSet) {
	flags.StringVar(&f.id, "id", "", "the event's `ID`, to send the same again (default: a new one)")
	flags.StringVar(&f.time, "time", "", "the `TIME` when it happened, as 2026-11-22T09:30:00Z (default: now)")
	flags.StringVar(&f.subscription, "subscription", "example", "the `SUBSCRIPTION` that pushes: a name, or projects/P/subscriptions/S")
}

// storage are the flags of an object's change.
func (f *eventFlags) storage(flags *pflag.FlagSet) {
	f.change = string(delivery.Finalized)
	flags.Var(&choice{&f.change, texts(delivery.Changes())}, "change", "what happened: "+strings.Join(texts(delivery.Changes()), ", "))
	flags.Int64Var(&f.generation, "generation", 0, "the object's generation `N`, to send the same again (default: a new one)")
	flags.Int64Var(&f.object.Metageneration, "metageneration", 1, "its metageneration `N`")
	flags.StringVar(&f.object.ContentType, "content-type", "", "its media `TYPE` (default: by the name's ending)")
	flags.Int64Var(&f.object.Size, "size", 1024, "its size in `BYTES`")
	flags.Var(&pairs{&f.metadata}, "metadata", "custom metadata, `KEY=VALUE`; may be repeated")
	flags.BoolVar(&f.object.WithoutPayload, "without-payload", false, "notify without the object resource (payloadFormat NONE)")
}

// pubsub are the flags of a message.
func (f *eventFlags) pubsub(flags *pflag.FlagSet) {
	flags.StringVar(&f.data, "data", "", "the message's data: `TEXT`, or @FILE for a file's bytes (@-: standard input)")
	flags.Var(&pairs{&f.attributes}, "attribute", "an attribute, `KEY=VALUE`; may be repeated")
	flags.StringVar(&f.orderingKey, "ordering-key", "", "the message's ordering `KEY`")
	flags.StringVar(&f.topic, "topic", "example", "the `TOPIC` that it was published to: a name, or projects/P/topics/T")
}

// eventArgs describes the EVENT that commands take.
const eventArgs = `EVENT is gs://BUCKET/OBJECT for an upload of that object (or what --change says), or a
JSON file: a CloudEvent, an object resource as "gcloud storage objects describe --raw"
prints it, a Pub/Sub message, the body of a push or of a function of the first
generation, a batch of CloudEvents, or a dead letter. - is standard input. With --data
it is a Pub/Sub message. "storage" and "pubsub" may stand before it, to be clear.
`

// register adds the flags of all events.
func (f *eventFlags) register(cmd *cobra.Command) {
	f.common(cmd.Flags())
	f.storage(cmd.Flags())
	f.pubsub(cmd.Flags())
	completes(cmd, "change", texts(delivery.Changes()))
}

// events makes the events that the arguments and flags of a command describe. as is the
// envelope in which they are to be delivered.
func (p *program) events(cmd *cobra.Command, f *eventFlags, as string, args []string) (maker, error) {
	kind := ""
	if len(args) > 0 && (args[0] == "storage" || args[0] == "pubsub") {
		kind, args = args[0], args[1:]
	}
	isMessage := kind == "pubsub" || kind == "" && cmd.Flags().Changed("data")
	switch {
	case isMessage && len(args) > 0:
		return nil, usage(cmd, "%q is an event, and %s is another", args[0], cmp.Or(kind, "--data"))
	case len(args) > 1:
		return nil, usage(cmd, "%q is one argument too many", args[1])
	case len(args) == 0 && kind == "storage":
		return nil, usage(cmd, "gs://BUCKET/OBJECT is missing")
	case len(args) == 0 && !isMessage:
		return nil, usage(cmd, "the EVENT is missing")
	}
	switch {
	case isMessage:
		p.noteTopic(cmd, f, as)
		return with(cmd, "a message", storageFlags, func() (maker, error) { return p.makeMessage(f) })
	case kind == "storage" || strings.HasPrefix(args[0], "gs://"):
		return with(cmd, "an object's change", pubsubFlags, func() (maker, error) { return p.makeObject(f, args[0]) })
	}
	return with(cmd, "an event in a file", fileFlags, func() (maker, error) { return p.makeFile(f, args[0]) })
}

// The flags of an object's change alone, those of a message alone, and those that an
// event in a file cannot take from the command line.
var (
	storageFlags = []string{"change", "generation", "metageneration", "content-type", "size", "metadata", "without-payload"}
	pubsubFlags  = []string{"data", "attribute", "ordering-key", "topic"}
	fileFlags    = []string{"generation", "metageneration", "content-type", "size", "metadata", "data", "attribute", "ordering-key"}
)

// with makes events of what, unless a flag was given that says nothing of them.
func with(cmd *cobra.Command, what string, others []string, makeEvents func() (maker, error)) (maker, error) {
	for _, name := range others {
		if cmd.Flags().Changed(name) {
			return nil, usage(cmd, "--%s cannot be combined with %s", name, what)
		}
	}
	return makeEvents()
}

// maker makes event number n, from 1. Where only one is made, n is 0 and {n} is not
// replaced.
type maker func(n int) (delivery.Event, error)

// numbered replaces {n} by n.
func numbered(s string, n int) string {
	if n == 0 {
		return s
	}
	return strings.ReplaceAll(s, "{n}", strconv.Itoa(n))
}

func numberedMap(m map[string]string, n int) map[string]string {
	filled := make(map[string]string, len(m))
	for k, v := range m {
		filled[k] = numbered(v, n)
	}
	return filled
}

// moment is the time of --time, or else now.
func (f *eventFlags) moment(now time.Time) (time.Time, error) {
	if f.time == "" {
		return now, nil
	}
	at, err := time.Parse(time.RFC3339, f.time)
	if err != nil {
		return at, &usageError{text: fmt.Sprintf("--time %q is not a valid time", f.time), hint: "write it as 2026-11-22T09:30:00Z"}
	}
	return at, nil
}

// identity is the id of event n: that of --id, or else a unique number
// among those from first on.
func (f *eventFlags) identity(first int64, n int) string {
	if f.id == "" {
		return strconv.FormatInt(first+int64(n), 10)
	}
	return numbered(f.id, n)
}

// makeObject makes changes of the object at a gs:// address.
func (p *program) makeObject(f *eventFlags, address string) (maker, error) {
	bucket, name, ok := strings.Cut(strings.TrimPrefix(address, "gs://"), "/")
	if !ok || !strings.HasPrefix(address, "gs://") || bucket == "" || name == "" {
		return nil, &usageError{text: fmt.Sprintf("%q is not the URL of an object", address), hint: "write it as gs://BUCKET/OBJECT"}
	}
	now, first := p.now(), p.number()
	at, err := f.moment(now)
	return func(n int) (delivery.Event, error) {
		o := f.object
		o.Bucket, o.Name, o.Metadata = bucket, numbered(name, n), numberedMap(f.metadata, n)
		o.Change, o.Time, o.Subscription = delivery.Change(f.change), at, subscription(f.subscription)
		o.Generation, o.MessageID = now.UnixMicro()+int64(n), f.identity(first, n)
		if f.generation != 0 {
			o.Generation = f.generation
		}
		return o, nil
	}, err
}

// makeMessage makes messages.
func (p *program) makeMessage(f *eventFlags) (maker, error) {
	data, err := p.read(f.data)
	if err != nil {
		return nil, err
	}
	first := p.number()
	at, err := f.moment(p.now())
	return func(n int) (delivery.Event, error) {
		return delivery.Message{
			ID: f.identity(first, n), Topic: topic(f.topic), Subscription: subscription(f.subscription),
			OrderingKey: numbered(f.orderingKey, n), PublishTime: at,
			Attributes: numberedMap(f.attributes, n), Data: []byte(numbered(string(data), n)),
		}, nil
	}, err
}

// noteTopic says where --topic is of no use: a push subscription sends its own name,
// and not that of its topic.
func (p *program) noteTopic(cmd *cobra.Command, f *eventFlags, as string) {
	if !cmd.Flags().Changed("topic") || as != string(delivery.Push) && as != string(delivery.PushUnwrapped) {
		return
	}
	_, _ = fmt.Fprintf(p.prose(p.stderr), "dagtrigger: note: a push subscription does not carry its topic, so --topic is not sent: pick by "+
		"subscription (this one is %s), or send --as eventarc\n", subscription(f.subscription))
}

// makeFile makes the events in a JSON file.
func (p *program) makeFile(f *eventFlags, path string) (maker, error) {
	text, err := p.read("@" + path)
	if err != nil {
		return nil, err
	}
	first := p.number()
	at, err := f.moment(p.now())
	return func(n int) (delivery.Event, error) {
		event, err := delivery.Parse([]byte(numbered(string(text), n)), delivery.Defaults{
			ID: f.identity(first, n), Time: at,
			Topic: topic(f.topic), Subscription: subscription(f.subscription), Change: delivery.Change(f.change),
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		return event, nil
	}, err
}

// maxFile bounds what is read of a file, in bytes: more than any envelope holds.
const maxFile = 32 << 20

// read gives a text, or what stands in the file that it names after an @.
func (p *program) read(text string) ([]byte, error) {
	path, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return []byte(text), nil
	}
	in := p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, &hintedError{err, "is the path right? - stands for the standard input"}
		}
		defer file.Close()
		in = file
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("it is larger than %d MiB, which no event can be", maxFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return b, nil
}

// topic and subscription take a name alone for one in the project "example".
func topic(name string) string        { return resource(name, "topics") }
func subscription(name string) string { return resource(name, "subscriptions") }

func resource(name, kind string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "projects/example/" + kind + "/" + name
}
