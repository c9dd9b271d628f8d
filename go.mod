module github.com/steersight/steersight

go 1.26.8

require (
	github.com/blevesearch/mmap-go v1.2.0
	github.com/google/go-cmp v0.7.0
	golang.org/x/text v0.43.0
	pgregory.net/rapid v1.3.0
)

require golang.org/x/sys v0.40.0 // indirect
