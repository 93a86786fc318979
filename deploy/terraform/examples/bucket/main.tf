# SPDX-License-Identifier: Apache-2.0

# Every new object of one bucket starts one DAG.

terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
  }
}

provider "google" {
  project = "acme-data"
  region  = "europe-west1"
}

module "dagtrigger" {
  source = "../.."

  project              = "acme-data"
  region               = "europe-west1"
  composer_environment = "projects/acme-data/locations/europe-west1/environments/prod"

  dag_id  = "print_conf"
  buckets = ["acme-landing"]
}
