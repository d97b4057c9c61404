"""What a driver of Databricks has beside Spark, as far as MLflow asks it where it runs."""
