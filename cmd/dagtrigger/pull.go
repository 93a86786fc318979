// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/caller"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/pull"
	"example.com/dagtrigger/internal/pressure"
)

const pullHelp = `Pull messages from Pub/Sub subscriptions and start their runs: in place of pushes, where
none can reach the function. It needs no address and no open port: in a container beside
Airflow, in a VPC, in Kubernetes, or as a Cloud Run worker pool.

A SUBSCRIPTION is projects/PROJECT/subscriptions/NAME, or NAME with --project. It must be
one to pull from, not a push subscription. A message does not name its topic: where routes
pick by topic, write SUBSCRIPTION=TOPIC, with projects/PROJECT/topics/NAME, or NAME in the
project of the subscription. Run ids are then those of an Eventarc trigger for that topic.
Where every route picks by topic and none is named, nothing is pulled.

The account that this runs as needs roles/pubsub.subscriber on each: a service account of
the machine, or the one that is logged in with gcloud auth application-default login.

The settings, the routes, the outcomes and the log are those of the function ("dagtrigger
help settings"); ALLOW_CALLERS has no meaning here. A message starts the same run, under
the same run id, as if the subscription pushed it, so that a change from one to the other
starts nothing twice. It is acknowledged where the function would answer 200, and then only:

  deferred    held, and tried again after a pause: its lease is extended meanwhile. It
              is returned after 30 minutes, or after a minute where others wait
  rejected    returned after 10 seconds; a dead-letter policy of the subscription counts
              that. DEAD_LETTER stores and acknowledges it instead

As many messages are handled at once as AIRFLOW_MAX_IN_FLIGHT says (80), and up to 4 times
that, or 32 MiB, are pulled. More processes may pull from the same subscription.

At SIGTERM or SIGINT it pulls no more, finishes what is in flight within --grace, returns
the rest, which is delivered again within 20 seconds, and ends with 0. Where a subscription
cannot be pulled from, all end: its error says what to do.

PUBSUB_EMULATOR_HOST names an emulator in place of Pub/Sub.`

type pullFlags struct {
	project, config, listen, logFormat string
	grace                              time.Duration
}

// pullGrace is less than the 10 seconds that Cloud Run leaves a container after SIGTERM:
// https://cloud.google.com/run/docs/container-contract#instance-shutdown
const pullGrace = 8 * time.Second

func (p *program) pull() *cobra.Command {
	f := pullFlags{logFormat: logAuto}
	cmd := &cobra.Command{
		Use:     "pull SUBSCRIPTION[=TOPIC]...",
		Short:   "Pull messages from Pub/Sub, where no push can reach",
		Long:    pullHelp,
		GroupID: groupDeployed,
		Example: `  dagtrigger pull projects/acme-prod/subscriptions/orders
  dagtrigger pull orders uploads --project acme-prod -f routes.yaml --listen :8080
  dagtrigger pull orders-to-airflow=orders --project acme-prod -f routes.yaml
  DAG_ID=load_sales AIRFLOW_URL=https://airflow.internal AIRFLOW_AUTH=bearer \
    AIRFLOW_TOKEN_FILE=/secrets/airflow dagtrigger pull projects/acme-prod/subscriptions/orders`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd, "SUBSCRIPTION is missing")
			}
			return nil
		},
		Annotations: exits("it was ended by SIGINT or SIGTERM", "the settings are invalid, or a subscription cannot be pulled from"),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, topics, err := pull.Names(args, cmp.Or(f.project, p.getenv("GOOGLE_CLOUD_PROJECT")))
			if err != nil {
				return usage(cmd, "%v", err)
			}
			return p.runPull(cmd.Context(), &f, names, topics)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.project, "project", "", "the Google Cloud `PROJECT` of a subscription that names none (default: GOOGLE_CLOUD_PROJECT)")
	configFlag(flags, &f.config, "DAGTRIGGER_CONFIG, read once; a FILE that is named here is read again whenever it changes")
	flags.StringVar(&f.listen, "listen", "", "answer GET /healthz and /readyz on `[HOST]:PORT`, for Kubernetes and the like")
	spanFlag(flags, &f.grace, "grace", pullGrace, "how long what is in flight may take to finish at the end")
	flags.Var(&choice{&f.logFormat, logFormats()}, "log-format", logFormatHelp)
	completes(cmd, "log-format", logFormats())
	return cmd
}

func (p *program) runPull(ctx context.Context, f *pullFlags, names []string, topics map[string]string) (err error) {
	pressure.LimitMemory()
	p.logUnknown(f.logFormat)
	getenv, err := p.settingsWith(f.config)
	if err != nil {
		return err
	}
	getenv = over(map[string]string{"ALLOW_CALLERS": "", "ALLOW_AUDIENCE": ""}, getenv) // nobody calls
	r := &reloading{getenv: getenv, log: p.log(f.logFormat), path: f.config, out: p.prose(p.stdout), loaded: look(f.config, "")}
	file, fileErr := readFile(getenv, false)
	if _, err := r.load(ctx, file, fileErr); err != nil {
		return err
	}
	defer r.close()
	var failed <-chan error
	if f.listen != "" {
		probed, err := p.listenForProbes(ctx, f.listen)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, probed.close()) }()
		failed = probed.failed
	}
	following, end := context.WithCancel(ctx)
	defer end()
	go r.follow(following)
	puller := &pull.Puller{
		Options: pubsubOptions(r.config()), Subscriptions: names, Topics: topics, Function: r, Log: r.log(r.config().LogLevel),
		AtOnce: atOnce(r.config()), Grace: f.grace, Pauses: pull.DefaultPauses(),
	}
	puller.ByTopic, puller.OnlyByTopic = byTopic(file)
	return pullUntil(ctx, puller, failed)
}

// byTopic are the routes that match only messages whose topic is known; all says that
// every route is one.
func byTopic(file *config.File) (names []string, all bool) {
	if file == nil { // every event starts one DAG
		return nil, false
	}
	all = true
	for i := range file.Routes {
		switch r := &file.Routes[i]; {
		case !r.IsLive():
		case len(r.Topic) > 0:
			names = append(names, r.Name.Value)
		default:
			all = false
		}
	}
	return names, all
}

// pullUntil pulls until ctx ends, or a server ends by itself, which is an error.
func pullUntil(ctx context.Context, puller *pull.Puller, failed <-chan error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- puller.Run(ctx)
	}()
	listening := wait(ctx, failed, nil)
	stop()
	err := <-ended
	if fix := pull.Fix(err); fix != "" {
		err = &hintedError{err, fix}
	}
	return errors.Join(listening, err)
}

// atOnce is how many messages are handled at the same time: as many as all environments
// together take.
func atOnce(c config.Config) int {
	n := 0
	for _, spec := range c.Environments {
		n += cmp.Or(int(spec.MaxInFlight), pressure.DefaultMaxInFlight)
	}
	return max(n, 1)
}

// listenForProbes answers probes, and nothing else, on HOST:PORT.
func (p *program) listenForProbes(ctx context.Context, address string) (*server, error) {
	host, text, err := net.SplitHostPort(address)
	port, numberErr := strconv.ParseUint(text, 10, 16)
	if err != nil || numberErr != nil {
		return nil, &usageError{fmt.Sprintf("--listen is %q", address), "write it as HOST:PORT, or :PORT for every address of this machine"}
	}
	return listen(ctx, host, int(port), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !caller.AnswerProbe(w, r) {
			http.NotFound(w, r)
		}
	}))
}

// pubsubOptions are those of Google's own client, which extends leases and bounds what is pulled.
func pubsubOptions(c config.Config) []option.ClientOption {
	agent := option.WithUserAgent(build.Read().UserAgent())
	if c.PubSubEmulator == "" {
		return []option.ClientOption{agent}
	}
	_, host, found := strings.Cut(c.PubSubEmulator, "://")
	if !found {
		host = c.PubSubEmulator
	}
	return []option.ClientOption{
		agent, option.WithEndpoint(strings.TrimSuffix(host, "/")), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}
