// Command s3 serves one private bucket of an S3-compatible store for tests, on loopback, kept in one
// file: it may be killed and started again. It prints its address and ends with its input.
//
//	s3 -file bucket.db -bucket pictures [-listen 127.0.0.1:0]
//
// It is a module of its own, so that what it needs is not what the service needs.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3bolt"
)

func main() {
	file := flag.String("file", "", "where the objects are kept")
	bucket := flag.String("bucket", "pictures", "the bucket there is")
	listen := flag.String("listen", "127.0.0.1:0", "the address to listen on")
	flag.Parse()
	if err := run(*file, *bucket, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "s3:", err)
		os.Exit(1)
	}
}

func run(file, bucket, listen string) error {
	store, err := s3bolt.NewFile(file)
	if err != nil {
		return fmt.Errorf("open %q: %w", file, err)
	}
	if there, err := store.BucketExists(bucket); err != nil {
		return err
	} else if !there {
		if err := store.CreateBucket(bucket); err != nil {
			return fmt.Errorf("make the bucket %q: %w", bucket, err)
		}
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println("http://" + ln.Addr().String())
	go func() { // whoever started us has gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	web := &http.Server{Handler: gofakes3.New(store).Server(), ReadHeaderTimeout: 10 * time.Second}
	return web.Serve(ln)
}
