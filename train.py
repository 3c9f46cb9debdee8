"""Trains a network with the interdependence functions and the fusion of your choice: `python train.py --help`."""

from hybridfuse.main import main

if __name__ == "__main__":
    main()
