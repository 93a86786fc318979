#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Deploys dagtrigger, the function that starts DAG runs, for the routes in deploy/routes.yaml.
# Made by: dagtrigger deploy plan deploy/routes.yaml --format script
set -euo pipefail

# What is yours to say, here or in the environment.
PROJECT=${PROJECT:?set PROJECT: the project to deploy to}
REGION=${REGION:?set REGION: the region of the function, that of Airflow for best}
FUNCTION=${FUNCTION:-dagtrigger} # the function, and how all other names begin
COMPOSER_ENVIRONMENT=${COMPOSER_ENVIRONMENT:?set COMPOSER_ENVIRONMENT: projects/P/locations/L/environments/E}
VERSION=${VERSION:-} # what the function calls itself; what git says where it is empty
ROUTES=${ROUTES:-deploy/routes.yaml} # the file of routes that this script was made for
SOURCE=${SOURCE:-.} # a clone of the repository
CHANNEL=${CHANNEL:-} # the channel that alerts are sent to: projects/P/notificationChannels/N; empty for none

dry=
case "${1-}" in
"") ;;
--dry-run) dry=yes ;;
*)
  printf 'usage: %s [--dry-run]\n\n--dry-run prints the commands, and runs none of them.\n' "$0" >&2
  exit 2
  ;;
esac

# gcloud must not prompt: nobody is there to answer.
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

digest() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

if [ "$(digest "$ROUTES")" != 77e16684f19d829eebeae7494eb0f1841defb1fea3af57646cf0c9e8f4bb3f48 ]; then
  printf '%s is not the file that this script was made for: print the script again\n' "$ROUTES" >&2
  exit 1
fi
if ! [ -f "$SOURCE/function.go" ]; then
  printf '%s is not a clone of dagtrigger: run this in one, or set SOURCE to its path\n' "$SOURCE" >&2
  exit 1
fi

say() { printf '\n# %s\n' "$*"; }

# show prints a command as it can be pasted. The routes may hold a secret.
show() {
  local word line=
  for word in "$@"; do
    [ -z "$CONFIG" ] || word=${word//"$CONFIG"/\$CONFIG}
    [ -z "${SHADOW-}" ] || word=${word//"$SHADOW"/\$SHADOW}
    case "$word" in
    *[!-A-Za-z0-9_@%+=:,./]*) word="\"$word\"" ;;
    esac
    line="$line$word "
  done
  printf '%s\n' "${line% }"
}

run() {
  show "$@"
  [ -n "$dry" ] || "$@"
}

# retry tries for two minutes, until Google's systems know what was made just
# before, such as an account.
retry() {
  local left=${TRIES:-12}
  show "$@"
  [ -z "$dry" ] || return 0
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    printf '# Trying again in %s s: what was just made may not be known everywhere yet.\n' "${PAUSE:-10}"
    sleep "${PAUSE:-10}"
  done
}

# retry_once is for what takes minutes itself.
retry_once() {
  TRIES=${TRIES:-2} PAUSE=${PAUSE:-60} retry "$@"
}

# exists reports whether a query prints something.
exists() {
  [ -z "$dry" ] || return 1
  query "$@"
  [ -n "$ANSWER" ] && printf '# it exists\n'
}

# is_there reports whether a query prints something, which a dry run assumes.
is_there() {
  show "$@"
  [ -z "$dry" ] || return 0
  query "$@"
  [ -n "$ANSWER" ]
}

# look NAME COMMAND sets NAME to what the command prints, which takes a while to
# be something.
look() {
  local name=$1 answer left=${TRIES:-12}
  shift
  # shellcheck disable=SC2016 # it is printed as it is
  printf '%s=$(%s)\n' "$name" "$(show "$@")"
  if [ -n "$dry" ]; then
    printf -v "$name" '$%s' "$name"
    return
  fi
  until
    answer=$("$@") || return 1
    [ -n "$answer" ]
  do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
      printf 'it gives nothing\n' >&2
      return 1
    fi
    sleep "${PAUSE:-10}"
  done
  printf -v "$name" '%s' "$answer"
}

# query COMMAND sets ANSWER to what the command prints, which is nothing if what it
# names does not exist. Any other failure, such as a missing role, ends the script:
# to go on as if nothing existed would hide the cause.
query() {
  local errors
  errors=$(mktemp)
  if ! ANSWER=$("$@" 2>"$errors"); then
    ANSWER=
    case "$(cat "$errors")" in
    *NOT_FOUND* | *"[404]"* | *"not found: 404"* | *"was not found"* | *"does not exist"* | *"Cannot find service"*) ;;
    *)
      cat "$errors" >&2
      rm -f "$errors"
      printf 'it is not known whether this exists: fix the error above, such as a missing role, and run this script again\n' >&2
      exit 1
      ;;
    esac
  fi
  rm -f "$errors"
}

COMPOSER_PROJECT=${COMPOSER_ENVIRONMENT#projects/}
COMPOSER_PROJECT=${COMPOSER_PROJECT%%/*}
# What is looked up on the way.
NUMBER=
CONFIG=
LOCATION=
TRIGGER=
SUBSCRIPTION=

say "Turn on the APIs that are used. They stay on."
run gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com cloudfunctions.googleapis.com \
    cloudresourcemanager.googleapis.com eventarc.googleapis.com iam.googleapis.com logging.googleapis.com \
    monitoring.googleapis.com pubsub.googleapis.com run.googleapis.com storage.googleapis.com \
    --project="$PROJECT"

say "The project's number, which Google's own accounts are named by."
look NUMBER gcloud projects describe "$PROJECT" --format="value(projectNumber)"

say "Make sure of the account that Pub/Sub acts by."
run gcloud beta services identity create --service=pubsub.googleapis.com --project="$PROJECT"

say "Make sure of the account that Cloud Storage acts by."
run gcloud storage service-agent --project="$PROJECT"

say "Make sure of the account that Eventarc acts by."
run gcloud beta services identity create --service=eventarc.googleapis.com --project="$PROJECT"

say "The account $FUNCTION-runtime: runs $FUNCTION, and calls Airflow."
exists gcloud iam service-accounts describe "$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT" \
    --format="value(description)" ||
  run gcloud iam service-accounts create "$FUNCTION-runtime" --project="$PROJECT" --display-name="$FUNCTION-runtime" \
    --description="Runs $FUNCTION, and calls Airflow"

say "The account $FUNCTION-invoker: delivers events to $FUNCTION."
exists gcloud iam service-accounts describe "$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT" \
    --format="value(description)" ||
  run gcloud iam service-accounts create "$FUNCTION-invoker" --project="$PROJECT" --display-name="$FUNCTION-invoker" \
    --description="Delivers events to $FUNCTION"

say "The topic $FUNCTION-dead-letters: what the function gave up, each with its reason and its event: \"dagtrigger dead-letters\" lists and replays them."
exists gcloud pubsub topics describe "$FUNCTION-dead-letters" --project="$PROJECT" --format="value(name)" ||
  run gcloud pubsub topics create "$FUNCTION-dead-letters" --project="$PROJECT" --labels="dagtrigger=$FUNCTION"

say "Its subscription, which keeps what is published there."
exists gcloud pubsub subscriptions describe "$FUNCTION-dead-letters" --project="$PROJECT" --format="value(name)" ||
  run gcloud pubsub subscriptions create "$FUNCTION-dead-letters" --project="$PROJECT" \
    --topic="$FUNCTION-dead-letters" --labels="dagtrigger=$FUNCTION" --message-retention-duration=31d \
    --expiration-period=never

say "The topic $FUNCTION-undelivered: what Pub/Sub could not deliver within its attempts, as it was."
exists gcloud pubsub topics describe "$FUNCTION-undelivered" --project="$PROJECT" --format="value(name)" ||
  run gcloud pubsub topics create "$FUNCTION-undelivered" --project="$PROJECT" --labels="dagtrigger=$FUNCTION"

say "Its subscription, which keeps what is published there."
exists gcloud pubsub subscriptions describe "$FUNCTION-undelivered" --project="$PROJECT" --format="value(name)" ||
  run gcloud pubsub subscriptions create "$FUNCTION-undelivered" --project="$PROJECT" --topic="$FUNCTION-undelivered" \
    --labels="dagtrigger=$FUNCTION" --message-retention-duration=31d --expiration-period=never

say "Give $FUNCTION-runtime roles/composer.user on the project $COMPOSER_PROJECT: to look up the environment and call its Airflow; an environment has no separate policy, so the project is the smallest scope."
retry gcloud projects add-iam-policy-binding "$COMPOSER_PROJECT" \
    --member="serviceAccount:$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" --role=roles/composer.user \
    --format=none --condition=None

say "Give $FUNCTION-runtime roles/pubsub.publisher on the topic projects/$PROJECT/topics/$FUNCTION-dead-letters: to keep what failed permanently."
retry gcloud pubsub topics add-iam-policy-binding "projects/$PROJECT/topics/$FUNCTION-dead-letters" \
    --project="$PROJECT" --member="serviceAccount:$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" \
    --role=roles/pubsub.publisher --format=none

say "Give Pub/Sub roles/pubsub.publisher on the topic projects/$PROJECT/topics/$FUNCTION-undelivered: Pub/Sub itself moves there what it could not deliver."
retry gcloud pubsub topics add-iam-policy-binding "projects/$PROJECT/topics/$FUNCTION-undelivered" \
    --project="$PROJECT" --member="serviceAccount:service-$NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com" \
    --role=roles/pubsub.publisher --format=none

say "Give $FUNCTION-invoker roles/eventarc.eventReceiver on the project $PROJECT: to receive the events of its triggers; messages of a topic do not need it."
retry gcloud projects add-iam-policy-binding "$PROJECT" \
    --member="serviceAccount:$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" \
    --role=roles/eventarc.eventReceiver --format=none --condition=None

say "Give Cloud Storage roles/pubsub.publisher on the project $PROJECT: Cloud Storage publishes its events to topics that Eventarc makes in the project."
retry gcloud projects add-iam-policy-binding "$PROJECT" \
    --member="serviceAccount:service-$NUMBER@gs-project-accounts.iam.gserviceaccount.com" \
    --role=roles/pubsub.publisher --format=none --condition=None

say "The routes, which are a setting of the function."
look CONFIG cat "$ROUTES"

say "The version, as the repository has it."
[ -n "$VERSION" ] || look VERSION git -C "$SOURCE" describe --tags --always --dirty || VERSION=unknown

say "Where the bucket acme-landing is: its trigger has to be there."
look LOCATION gcloud storage buckets describe gs://acme-landing --project="$PROJECT" --format="value(location.lower())"

say "The function, with its first trigger: every object written in gs://acme-landing."
retry_once gcloud functions deploy "$FUNCTION" --gen2 --project="$PROJECT" --region="$REGION" --runtime=go126 \
    --entry-point=TriggerDAG --source="$SOURCE" \
    --set-build-env-vars="GOOGLE_GOLDFLAGS=-s -w -X=example.com/dagtrigger/internal/build.linked=$VERSION" \
    --ingress-settings=internal-only --service-account="$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" \
    --cpu=1 --memory=512Mi --concurrency=80 --min-instances=0 --max-instances=3 --timeout=300s --format=none \
    --update-labels="dagtrigger=$FUNCTION" \
    --set-env-vars="^@~@^DAGTRIGGER_CONFIG=$CONFIG@~@GOOGLE_CLOUD_PROJECT=$PROJECT@~@DEAD_LETTER=pubsub://projects/$PROJECT/topics/$FUNCTION-dead-letters@~@GIVE_UP_AFTER=12h@~@COMPOSER_ENVIRONMENT=$COMPOSER_ENVIRONMENT" \
    --retry --trigger-service-account="$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" \
    --trigger-location="$LOCATION" --trigger-event-filters=type=google.cloud.storage.object.v1.finalized \
    --trigger-event-filters=bucket=acme-landing

say "Give $FUNCTION-invoker roles/run.invoker on the service $FUNCTION: to deliver events: nobody else may call the function."
retry gcloud run services add-iam-policy-binding "$FUNCTION" --project="$PROJECT" --region="$REGION" \
    --member="serviceAccount:$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" --role=roles/run.invoker \
    --format=none

say "The trigger that came with the function."
look TRIGGER gcloud functions describe "$FUNCTION" --gen2 --project="$PROJECT" --region="$REGION" \
    --format="value(eventTrigger.trigger)"

say "The subscription that Eventarc has made for it."
look SUBSCRIPTION gcloud eventarc triggers describe "$TRIGGER" --project="$PROJECT" \
    --format="value(transport.pubsub.subscription)"

say "Allow Pub/Sub to acknowledge what it moves to $FUNCTION-undelivered."
run gcloud pubsub subscriptions add-iam-policy-binding "$SUBSCRIPTION" --project="$PROJECT" \
    --member="serviceAccount:service-$NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com" \
    --role=roles/pubsub.subscriber --format=none

say "Set how it delivers: deadline, delays, retention, expiration and dead-letter topic."
run gcloud pubsub subscriptions update "$SUBSCRIPTION" --project="$PROJECT" \
    --dead-letter-topic="projects/$PROJECT/topics/$FUNCTION-undelivered" --ack-deadline=600 \
    --min-retry-delay=10s --max-retry-delay=600s --message-retention-duration=7d --max-delivery-attempts=100 \
    --expiration-period=never

say "A trigger: every message on the topic orders."
exists gcloud eventarc triggers describe "$FUNCTION-orders-published" --project="$PROJECT" --location="$REGION" \
    --format="value(name)" ||
  retry gcloud eventarc triggers create "$FUNCTION-orders-published" --project="$PROJECT" --location="$REGION" \
    --destination-run-service="$FUNCTION" --destination-run-region="$REGION" \
    --service-account="$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" --labels="dagtrigger=$FUNCTION" \
    --event-filters=type=google.cloud.pubsub.topic.v1.messagePublished --transport-topic=orders

say "The subscription that Eventarc has made for it."
look SUBSCRIPTION gcloud eventarc triggers describe "$FUNCTION-orders-published" --location="$REGION" --project="$PROJECT" \
    --format="value(transport.pubsub.subscription)"

say "Allow Pub/Sub to acknowledge what it moves to $FUNCTION-undelivered."
run gcloud pubsub subscriptions add-iam-policy-binding "$SUBSCRIPTION" --project="$PROJECT" \
    --member="serviceAccount:service-$NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com" \
    --role=roles/pubsub.subscriber --format=none

say "Set how it delivers: deadline, delays, retention, expiration and dead-letter topic."
run gcloud pubsub subscriptions update "$SUBSCRIPTION" --project="$PROJECT" \
    --dead-letter-topic="projects/$PROJECT/topics/$FUNCTION-undelivered" --ack-deadline=600 \
    --min-retry-delay=10s --max-retry-delay=600s --message-retention-duration=7d --max-delivery-attempts=100 \
    --expiration-period=never

say "A metric of the log: how events ended, by route."
exists gcloud logging metrics describe dagtrigger_outcomes --project="$PROJECT" --format="value(name)" ||
  run gcloud logging metrics create dagtrigger_outcomes --project="$PROJECT" \
    --config-from-file="$SOURCE/deploy/monitoring/metrics/dagtrigger_outcomes.json"

say "A metric of the log: how old they were."
exists gcloud logging metrics describe dagtrigger_event_age --project="$PROJECT" --format="value(name)" ||
  run gcloud logging metrics create dagtrigger_event_age --project="$PROJECT" \
    --config-from-file="$SOURCE/deploy/monitoring/metrics/dagtrigger_event_age.json"

say "A metric of the log: what made them wait."
exists gcloud logging metrics describe dagtrigger_deferrals --project="$PROJECT" --format="value(name)" ||
  run gcloud logging metrics create dagtrigger_deferrals --project="$PROJECT" \
    --config-from-file="$SOURCE/deploy/monitoring/metrics/dagtrigger_deferrals.json"

say "An alert: events wait, for Airflow or the function is down."
exists gcloud alpha monitoring policies list --project="$PROJECT" --format="value(name)" \
    --filter="userLabels.app=dagtrigger AND userLabels.alert=oldest_unacknowledged" ||
  retry gcloud alpha monitoring policies create --project="$PROJECT" \
    --policy-from-file="$SOURCE/deploy/monitoring/alerts/oldest_unacknowledged.json" \
    --user-labels="app=dagtrigger,alert=oldest_unacknowledged,dagtrigger=$FUNCTION" \
    --notification-channels="$CHANNEL"

say "An alert: events failed permanently."
exists gcloud alpha monitoring policies list --project="$PROJECT" --format="value(name)" \
    --filter="userLabels.app=dagtrigger AND userLabels.alert=dead_letters" ||
  retry gcloud alpha monitoring policies create --project="$PROJECT" \
    --policy-from-file="$SOURCE/deploy/monitoring/alerts/dead_letters.json" \
    --user-labels="app=dagtrigger,alert=dead_letters,dagtrigger=$FUNCTION" --notification-channels="$CHANNEL"

say "An alert: Airflow answers 401 or 403."
exists gcloud alpha monitoring policies list --project="$PROJECT" --format="value(name)" \
    --filter="userLabels.app=dagtrigger AND userLabels.alert=airflow_refuses" ||
  retry gcloud alpha monitoring policies create --project="$PROJECT" \
    --policy-from-file="$SOURCE/deploy/monitoring/alerts/airflow_refuses.json" \
    --user-labels="app=dagtrigger,alert=airflow_refuses,dagtrigger=$FUNCTION" \
    --notification-channels="$CHANNEL"

say "An alert: nothing comes where something is expected."
exists gcloud alpha monitoring policies list --project="$PROJECT" --format="value(name)" \
    --filter="userLabels.app=dagtrigger AND userLabels.alert=no_events" ||
  retry gcloud alpha monitoring policies create --project="$PROJECT" \
    --policy-from-file="$SOURCE/deploy/monitoring/alerts/no_events.json" \
    --user-labels="app=dagtrigger,alert=no_events,dagtrigger=$FUNCTION" --notification-channels="$CHANNEL"

if [ -z "$dry" ]; then
  LIST=$(gcloud eventarc triggers list --project="$PROJECT" --location=- --filter="labels.dagtrigger=$FUNCTION" \
      --format="value(name.scope(v1))")
  for FOUND in $LIST; do
    case "$FOUND" in
    */"$FUNCTION-orders-published") ;;
    *)
      say "No route needs this trigger any more. Delete it when nothing waits there:"
      show gcloud eventarc triggers delete "$FOUND"
      ;;
    esac
  done
fi

say "Done. Upload an object or publish a message, and see how it ends:"
printf '%s' "gcloud logging read 'resource.labels.service_name=$FUNCTION jsonPayload.outcome:*'" \
  " --project=$PROJECT --freshness=10m --format='value(jsonPayload.outcome,jsonPayload.reason)'"
printf '\n'
