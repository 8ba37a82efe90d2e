"""The process that does the queued exports of this machine: `python -m services.jobs`. A worker starts it."""

if __name__ == "__main__":
    __import__("services.jobs.work", fromlist=["main"]).main()
