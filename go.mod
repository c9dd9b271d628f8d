module github.com/steersight/steersight

go 1.26.8

require (
	github.com/blevesearch/mmap-go v1.2.0
	golang.org/x/text v0.43.0
)

require golang.org/x/sys v0.40.0 // indirect
