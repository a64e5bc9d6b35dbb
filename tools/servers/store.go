package main

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sys/unix"
)

// bucket is the name of the bucket or container that every store begins with.
const bucket = "dossier-test"

// The credentials of the S3 servers, and the published ones that every Azurite has.
const (
	s3AccessKey    = "dossier"
	s3Secret       = "dossier-secret"
	s3Region       = "us-east-1"
	azureAccount   = "devstoreaccount1"
	azureAccessKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// store is one server process: how it starts, when it is ready, and how its bucket is made.
type store struct {
	name     string
	variable string // of the environment, for the store's URL
	// command is the program with its arguments, and its environment, for an address and a folder to keep data in.
	command func(bin, folder, address string) (command, environment []string)
	ready   func(address string) func(context.Context) error
	create  func(ctx context.Context, address string) error
	url     func(address string) string
}

func stores() []store {
	return []store{versitygw(), minio(), azurite()}
}

func versitygw() store {
	return store{
		name: "versitygw", variable: "DOSSIER_TEST_S3",
		command: func(bin, folder, address string) ([]string, []string) {
			command := []string{
				filepath.Join(bin, "versitygw"), "--port", address, "--region", s3Region, "--quiet",
				"posix", "--versioning-dir", filepath.Join(folder, "versions"),
			}
			if !hasAttributes(filepath.Join(folder, "data")) {
				command = append(command, "--sidecar", filepath.Join(folder, "sidecar"))
			}
			return append(command, filepath.Join(folder, "data")),
				[]string{"ROOT_ACCESS_KEY=" + s3AccessKey, "ROOT_SECRET_KEY=" + s3Secret}
		},
		ready: func(address string) func(context.Context) error {
			return answers("http://"+address+"/", http.StatusForbidden)
		},
		create: createS3, url: s3URL,
	}
}

// hasAttributes reports whether files in the folder can have extended attributes, where versitygw keeps its metadata.
func hasAttributes(folder string) bool {
	return unix.Setxattr(folder, "user.dossier", []byte("1"), 0) == nil && unix.Removexattr(folder, "user.dossier") == nil
}

func minio() store {
	return store{
		name: "minio", variable: "DOSSIER_TEST_S3_OTHER",
		command: func(bin, folder, address string) ([]string, []string) {
			return []string{filepath.Join(bin, "minio"), "server", "--address", address, "--quiet", filepath.Join(folder, "data")},
				[]string{"MINIO_ROOT_USER=" + s3AccessKey, "MINIO_ROOT_PASSWORD=" + s3Secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off"}
		},
		ready: func(address string) func(context.Context) error {
			return answers("http://"+address+"/minio/health/ready", http.StatusOK)
		},
		create: createS3, url: s3URL,
	}
}

func s3URL(address string) string {
	return "s3://" + bucket + "?endpoint=http://" + address + "&path_style=true&region=" + s3Region
}

func createS3(ctx context.Context, address string) error {
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + address), UsePathStyle: true, Region: s3Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s3AccessKey, SecretAccessKey: s3Secret}, nil
		}),
	})
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	return err
}

func azurite() store {
	return store{
		name: "azurite", variable: "DOSSIER_TEST_AZURE",
		command: func(bin, folder, address string) ([]string, []string) {
			host, port := split(address)
			node, err := exec.LookPath("node")
			if err != nil {
				node = "node" // whose start then fails and says so
			}
			// It is newer than the API versions it knows, so it must not refuse those of the client.
			return []string{
				node, filepath.Join(bin, "azurite", "node_modules", "azurite", "dist", "src", "blob", "main.js"),
				"--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", host, "--blobPort", port,
				"--location", filepath.Join(folder, "data"),
			}, nil
		},
		ready: func(address string) func(context.Context) error {
			return answers("http://"+address+"/"+azureAccount, http.StatusBadRequest, http.StatusForbidden)
		},
		create: createAzure,
		url:    func(address string) string { return "azblob://" + bucket + "?endpoint=" + azureURL(address) },
	}
}

func azureURL(address string) string { return "http://" + address + "/" + azureAccount }

func createAzure(ctx context.Context, address string) error {
	credential, err := azblob.NewSharedKeyCredential(azureAccount, azureAccessKey)
	if err != nil {
		return err
	}
	client, err := azblob.NewClientWithSharedKeyCredential(azureURL(address), credential, nil)
	if err != nil {
		return err
	}
	_, err = client.CreateContainer(ctx, bucket, nil)
	return err
}
