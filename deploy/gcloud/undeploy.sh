#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Takes away what deploy.sh has made for the routes in deploy/routes.yaml, and nothing else.
# Made by: dagtrigger deploy plan deploy/routes.yaml --format undo
set -euo pipefail

# What is yours to say, here or in the environment.
PROJECT=${PROJECT:?set PROJECT: the project to deploy to}
REGION=${REGION:?set REGION: the region of the function, that of Airflow for best}
FUNCTION=${FUNCTION:-dagtrigger} # the function, and how all other names begin
COMPOSER_ENVIRONMENT=${COMPOSER_ENVIRONMENT:?set COMPOSER_ENVIRONMENT: projects/P/locations/L/environments/E}

dry=
letters=
for word in "$@"; do
  case "$word" in
  --dry-run) dry=yes ;;
  --dead-letters) letters=yes ;;
  *)
    printf 'usage: %s [--dry-run] [--dead-letters]\n\n' "$0" >&2
    printf '%s\n' '--dry-run prints the commands, and runs none of them.' >&2
    printf '%s\n' '--dead-letters removes what is kept of events that failed, too.' >&2
    exit 2
    ;;
  esac
done

# gcloud must not prompt: nobody is there to answer.
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

say() { printf '\n# %s\n' "$*"; }

# show prints a command as it can be pasted.
show() {
  local word line=
  for word in "$@"; do
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

# is WANT COMMAND reports whether a query prints a line that only deploy.sh writes.
is() {
  local want=$1
  shift
  [ -z "$dry" ] || return 0
  query "$@"
  case "
$ANSWER
" in
  *"
$want
"*) return 0 ;;
  esac
  printf '# it does not exist, or deploy.sh did not make it\n'
  return 1
}

# names prints the names of what deploy.sh has made.
names() {
  # shellcheck disable=SC2016 # it stands for a name that is not known
  if [ -n "$dry" ]; then printf '%s' '$FOUND'; else "$@"; fi
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

say "Remove the alerts."
LIST=$(names gcloud alpha monitoring policies list --project="$PROJECT" --filter="userLabels.dagtrigger=$FUNCTION" \
    --format="value(name)")
for FOUND in $LIST; do
  run gcloud alpha monitoring policies delete "$FOUND" --project="$PROJECT"
done

say "Remove the triggers, and the events that wait there."
LIST=$(names gcloud eventarc triggers list --project="$PROJECT" --location=- --filter="labels.dagtrigger=$FUNCTION" \
    --format="value(name.scope(v1))")
for FOUND in $LIST; do
  run gcloud eventarc triggers delete "$FOUND"
done

say "Remove the function, its own trigger, and the events that wait there."
if is "$FUNCTION" \
  gcloud functions describe "$FUNCTION" --gen2 --project="$PROJECT" --region="$REGION" \
    --format="value(labels.dagtrigger)"; then
  run gcloud functions delete "$FUNCTION" --gen2 --project="$PROJECT" --region="$REGION"
fi

say "Remove roles/composer.user of $FUNCTION-runtime on the project $COMPOSER_PROJECT."
if is "roles/composer.user serviceAccount:$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" \
  gcloud projects get-iam-policy "$COMPOSER_PROJECT" --flatten="bindings[].members" \
    --format="value[separator=' '](bindings.role,bindings.members)"; then
  run gcloud projects remove-iam-policy-binding "$COMPOSER_PROJECT" \
      --member="serviceAccount:$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" --role=roles/composer.user \
      --format=none --condition=None
fi

say "Remove roles/eventarc.eventReceiver of $FUNCTION-invoker on the project $PROJECT."
if is "roles/eventarc.eventReceiver serviceAccount:$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" \
  gcloud projects get-iam-policy "$PROJECT" --flatten="bindings[].members" \
    --format="value[separator=' '](bindings.role,bindings.members)"; then
  run gcloud projects remove-iam-policy-binding "$PROJECT" \
      --member="serviceAccount:$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" \
      --role=roles/eventarc.eventReceiver --format=none --condition=None
fi

if [ -n "$letters" ]; then
  say "Remove $FUNCTION-dead-letters among the subscriptions of Pub/Sub."
  if is "$FUNCTION" \
    gcloud pubsub subscriptions describe "$FUNCTION-dead-letters" --project="$PROJECT" \
      --format="value(labels.dagtrigger)"; then
    run gcloud pubsub subscriptions delete "$FUNCTION-dead-letters" --project="$PROJECT"
  fi
fi

if [ -n "$letters" ]; then
  say "Remove $FUNCTION-dead-letters among the topics of Pub/Sub."
  if is "$FUNCTION" \
    gcloud pubsub topics describe "$FUNCTION-dead-letters" --project="$PROJECT" --format="value(labels.dagtrigger)"; then
    run gcloud pubsub topics delete "$FUNCTION-dead-letters" --project="$PROJECT"
  fi
fi

if [ -n "$letters" ]; then
  say "Remove $FUNCTION-undelivered among the subscriptions of Pub/Sub."
  if is "$FUNCTION" \
    gcloud pubsub subscriptions describe "$FUNCTION-undelivered" --project="$PROJECT" \
      --format="value(labels.dagtrigger)"; then
    run gcloud pubsub subscriptions delete "$FUNCTION-undelivered" --project="$PROJECT"
  fi
fi

if [ -n "$letters" ]; then
  say "Remove $FUNCTION-undelivered among the topics of Pub/Sub."
  if is "$FUNCTION" \
    gcloud pubsub topics describe "$FUNCTION-undelivered" --project="$PROJECT" --format="value(labels.dagtrigger)"; then
    run gcloud pubsub topics delete "$FUNCTION-undelivered" --project="$PROJECT"
  fi
fi

say "Remove the account $FUNCTION-runtime."
if is "Runs $FUNCTION, and calls Airflow" \
  gcloud iam service-accounts describe "$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT" \
    --format="value(description)"; then
  run gcloud iam service-accounts delete "$FUNCTION-runtime@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT"
fi

say "Remove the account $FUNCTION-invoker."
if is "Delivers events to $FUNCTION" \
  gcloud iam service-accounts describe "$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT" \
    --format="value(description)"; then
  run gcloud iam service-accounts delete "$FUNCTION-invoker@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT"
fi
