"""The page: what a runs folder holds, as one HTML file that needs no network and no script."""
